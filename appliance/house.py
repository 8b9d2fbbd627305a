"""What an empty room would play, of the whole library: the files a box keeps beyond those called for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from appliance.model import Vector
from appliance.store import Store
from appliance.wishes import HOUSE
from mixer.scene import Kind, SongId
from ml.catalogue import Catalogue
from ml.errors import VectorError
from ml.recommend import queue_for_room
from ml.tags import as_vector

BEDS, INSTRUMENTALS = 150, 50
AT_ONCE = 2_000


Row = tuple[SongId, Kind, Vector]


@dataclass(slots=True)
class HouseChoice:
    """The best songs for the room's own taste, ranked again only when songs come or go or the taste changes."""

    store: Store
    _of: object = None
    _order: tuple[SongId, ...] = field(default=())

    def order(self) -> tuple[SongId, ...]:
        """At most `BEDS` + `INSTRUMENTALS` songs of the library, fetched or not, best first; both kinds mixed.

        While a whole library is on its way, what was best before stands.
        """
        if not self.store.bucket.cursor().epoch:
            return self._order
        taste = self._taste()
        seen = (self.store.library.extent(), taste)
        if seen != self._of:
            self._of, self._order = seen, self._rank(taste)
        return self._order

    def _rank(self, taste: Vector) -> tuple[SongId, ...]:
        """A part of the library at a time: 100,000 songs at once would be a third of the box's memory."""
        best: list[Row] = []
        songs = ((song.id, song.kind, song.embedding) for song in self.store.library.songs())
        while part := list(islice(songs, AT_ONCE)):
            best = _best([*best, *part], taste)
        return tuple(song_id for song_id, _, _ in _mixed(best))

    def _taste(self) -> Vector:
        try:
            rain, sea, thunder, wind, fire = as_vector(self.store.room.setting("house_taste") or ()).tolist()
        except VectorError:
            return HOUSE
        taste = (rain, sea, thunder, wind, fire)
        return taste if any(taste) else HOUSE


def _best(rows: Sequence[Row], taste: Vector) -> list[Row]:
    of_id = {str(row[0]): row for row in rows}
    ranked = queue_for_room(Catalogue.from_rows(rows), taste, beds=BEDS, instrumentals=INSTRUMENTALS)
    return [of_id[song.song_id] for song in ranked]


def _mixed(rows: Sequence[Row]) -> list[Row]:
    """Both kinds from their best, three beds for an instrumental."""
    beds = [row for row in rows if row[1] == "soundscape"]
    tunes = [row for row in rows if row[1] == "instrumental"]
    placed = [(place / BEDS, row) for place, row in enumerate(beds)]
    placed += [((place + 0.5) / INSTRUMENTALS, row) for place, row in enumerate(tunes)]
    return [row for _, row in sorted(placed, key=lambda entry: entry[0])]
