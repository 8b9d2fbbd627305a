"""What an empty room would play, of the whole library: the files a box keeps beyond those called for."""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.store import Store
from appliance.wishes import HOUSE
from mixer.scene import SongId
from ml.catalogue import Catalogue
from ml.errors import VectorError
from ml.recommend import queue_for_room
from ml.tags import as_vector

BEDS, INSTRUMENTALS = 150, 50


@dataclass(slots=True)
class HouseChoice:
    """The best songs for the room's own taste, ranked again only when the cloud's rows have changed."""

    store: Store
    _of: object = None
    _order: tuple[SongId, ...] = field(default=())

    def order(self) -> tuple[SongId, ...]:
        """At most `BEDS` + `INSTRUMENTALS` songs of the library, fetched or not, best first; both kinds mixed."""
        cursor = self.store.bucket.cursor()
        seen = (cursor.epoch, cursor.rev)
        if seen != self._of:
            self._of, self._order = seen, self._rank()
        return self._order

    def _rank(self) -> tuple[SongId, ...]:
        rows = [(song.id, song.kind, song.embedding) for song in self.store.library.songs()]
        if not rows:
            return ()
        ranked = queue_for_room(Catalogue.from_rows(rows), self._taste(), beds=BEDS, instrumentals=INSTRUMENTALS)
        place = {BEDS: 0, INSTRUMENTALS: 0}
        keyed = []
        kinds = {song_id: kind for song_id, kind, _ in rows}
        for song in ranked:
            count = BEDS if kinds[SongId(song.song_id)] == "soundscape" else INSTRUMENTALS
            place[count] += 1
            keyed.append((place[count] / count, song.song_id))
        return tuple(SongId(song_id) for _, song_id in sorted(keyed))

    def _taste(self) -> tuple[float, ...]:
        try:
            taste = tuple(as_vector(self.store.room.setting("house_taste") or ()).tolist())
        except VectorError:
            return HOUSE
        return taste if any(taste) else HOUSE
