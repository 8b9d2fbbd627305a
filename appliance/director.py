"""From what the store knows to the next scene: who is here, what they like, what may sound, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.audience import present_people
from appliance.brain import refresh_queue
from appliance.config import Config
from appliance.model import NEUTRAL, Control, Presence, Queue, Rule, Song, TapResult, Vector
from appliance.store import Store
from mixer.compose import Candidate, Limits, Memory, compose
from mixer.scene import Reason, Scene
from ml.collective import Present, room_scores, room_vector
from ml.errors import VectorError
from ml.tags import as_vector
from ml.taste import expected_liking
from ml.why import dominant_tag, sentence

HOUSE: Vector = (0.5, 0.6, 0.1, 0.4, 0.4)  # a quiet afternoon by the sea, with a fire in the next room
LIKES = 0.6  # expected liking from which a person counts as one who likes it


@dataclass(frozen=True, slots=True)
class Move:
    """How far one layer moves: from silence, to silence, or by some dB."""

    song_id: str
    title: str
    from_db: float | None
    to_db: float | None

    @property
    def direction(self) -> str:
        if self.from_db is None:
            return "in"
        if self.to_db is None:
            return "out"
        return "up" if self.to_db > self.from_db else "down"


@dataclass(frozen=True, slots=True)
class Direction:
    """One look at the room: the scene it asks for, and what is new about it."""

    scene: Scene
    moves: tuple[Move, ...]
    here: int
    taps_seen: int
    tap: TapResult | None
    why: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.moves)

    def cause(self) -> dict[str, Any]:
        """What led to the scene, as data for the scene log."""
        tap = self.tap
        told = None
        if tap is not None and tap.listener is not None:
            told = {"name": tap.listener.display_name, "outcome": tap.outcome, "new": tap.new_listener}
        moves = [
            {"title": move.title, "direction": move.direction, "from_db": move.from_db, "to_db": move.to_db}
            for move in self.moves
        ]
        return {"tap": told, "here": self.here, "moves": moves}


@dataclass(slots=True)
class Director:
    """Looks at the store and composes. Its only state is what compose must remember, and what it has seen."""

    store: Store
    config: Config
    memory: Memory = field(default_factory=Memory)
    _taps_seen: int = field(init=False)

    def __post_init__(self) -> None:
        """A tap that led to a scene before we were restarted is no news."""
        latest = self.store.scenes.latest()
        self._taps_seen = latest.taps_seen if latest else 0

    def look(self) -> Direction:
        """Read the room once and compose the scene for now."""
        store = self.store
        presences, taps_seen = self._who_is_here()
        people = present_people(presences)
        songs = store.library.ready()
        house = self._house()
        rules = store.room.rules()
        self._keep_queue_fresh(songs, people, house, rules)
        candidates = self._candidates(songs, people, house, rules, store.room.queue(), store.room.control())
        scene, memory = compose(candidates, self.memory, self.limits(), store.clock.boot_s())
        moves = _moves(self.memory, memory, {song.id: song.title for song in songs})
        self.memory = memory
        return Direction(
            scene=scene,
            moves=moves,
            here=len(people),
            taps_seen=taps_seen,
            tap=self._new_tap(taps_seen),
            why=self.sentences(scene),
        )

    def limits(self) -> Limits:
        config = self.config
        return Limits(
            beds=config.sound_beds,
            instrumentals=config.sound_instrumentals,
            fade_s=config.sound_fade_s,
            gain_fade_s=min(config.sound_fade_s, 2.5),
            changes_per_minute=config.sound_changes_per_minute,
        )

    def sentences(self, scene: Scene) -> tuple[str, ...]:
        """One plain sentence a layer, loudest first."""
        loudest_first = sorted(scene.layers, key=lambda layer: -layer.gain_db)
        return tuple(f"{layer.title}: {self.sentence(layer.reasons)}" for layer in loudest_first)

    def sentence(self, reasons: Sequence[Reason]) -> str:
        return sentence(reasons, "fr" if self.config.box_language == "fr" else "en")

    def _house(self) -> Vector:
        """What an empty room plays: the room's own setting, or the house of every box."""
        setting = self.store.room.setting("house_taste")
        try:
            rain, sea, thunder, wind, fire = as_vector(setting or ()).tolist()
        except VectorError:
            return HOUSE
        house = (rain, sea, thunder, wind, fire)
        return house if any(house) else HOUSE

    def _keep_queue_fresh(
        self, songs: Sequence[Song], people: Sequence[Present], house: Vector, rules: Sequence[Rule]
    ) -> None:
        direction = room_vector(people, house, rule=self._rule, policy=self._policy)
        refresh_queue(self.store, songs, tuple(direction.tolist()), rules)

    def _candidates(
        self,
        songs: Sequence[Song],
        people: Sequence[Present],
        house: Vector,
        rules: Sequence[Rule],
        queue: Queue,
        control: Control,
    ) -> list[Candidate]:
        if not songs:
            return []
        embeddings = [song.embedding for song in songs]
        liking = room_scores(people, embeddings, house, rule=self._rule, policy=self._policy)
        reasons = self._reasons(songs, people)
        places = _places(queue, rules)
        kinds = {(rule.song_id, rule.kind) for rule in rules}
        faders = {fader.song_id: fader for fader in control.faders}
        newest = self.store.library.newest_bed(self.store.clock.wall_s())
        return [
            Candidate(
                song_id=song.id,
                path=song.pcm_path or "",
                kind=song.kind,
                liking=float(liking[row]),
                duration_s=song.duration_s or 600.0,
                title=song.title,
                place=places.get(song.id),
                pinned=(song.id, "pin") in kinds,
                banned=(song.id, "ban") in kinds or (song.id, "skip") in kinds,
                new=song.id == newest and song.id in places,
                fader_db=faders[song.id].gain_db if song.id in faders else None,
                muted=faders[song.id].muted if song.id in faders else False,
                reasons=reasons[row],
            )
            for row, song in enumerate(songs)
        ]

    def _reasons(self, songs: Sequence[Song], people: Sequence[Present]) -> list[tuple[Reason, ...]]:
        """For each song: how many of those present are expected to like it, and for which of its tags."""
        embeddings = [song.embedding for song in songs]
        likings = [expected_liking(person.taste, embeddings, self._rule) for person in people]
        reasons: list[tuple[Reason, ...]] = []
        for row, song in enumerate(songs):
            fans = sum(1 for liking in likings if liking[row] >= LIKES)
            if song.kind == "instrumental":
                reasons.append((Reason("instrumental"),))
            elif fans and song.embedding != NEUTRAL:
                share = round(fans / len(people), 1)
                detail: dict[str, float | int | str] = {"tag": dominant_tag(song.embedding), "share": share}
                reasons.append((Reason("taste", {**detail, "people": len(people)}),))
            else:
                reasons.append((Reason("rotation"),) if people else (Reason("house"),))
        return reasons

    def _who_is_here(self) -> tuple[list[Presence], int]:
        """Those present and the newest tap they are the outcome of, though taps may come while we read."""
        people = self.store.people
        newest, before = people.newest_tap_seq(), None
        while newest != before:
            presences = people.present()
            newest, before = people.newest_tap_seq(), newest
        return presences, newest

    def _new_tap(self, newest: int) -> TapResult | None:
        """The newest tap, when it has come since the last look."""
        if newest == self._taps_seen:
            return None
        self._taps_seen = newest
        last = self.store.people.last_tap()
        return last[0] if last else None

    @property
    def _rule(self) -> Any:
        return self.config.taste_rule

    @property
    def _policy(self) -> Any:
        return self.config.taste_policy


def _moves(before: Memory, after: Memory, titles: dict[Any, str]) -> tuple[Move, ...]:
    was = {layer.song_id: layer.gain_db for layer in before.sounding}
    now = {layer.song_id: layer.gain_db for layer in after.sounding}
    changed = [song for song in {**was, **now} if was.get(song) != now.get(song)]
    moves = [Move(song, titles.get(song, song), was.get(song), now.get(song)) for song in changed]
    return tuple(sorted(moves, key=lambda move: -abs(_level(move.to_db) - _level(move.from_db))))


def _level(gain_db: float | None) -> float:
    """For ordering moves: a layer that does not sound is as good as 40 dB down."""
    return -40.0 if gain_db is None else gain_db


def _places(queue: Queue, rules: Sequence[Rule]) -> dict[str, int]:
    """Each song's place from 1: the queue's order, and at once where staff placed one, whoever ranked the queue."""
    placed = {rule.song_id: rule.place or 1 for rule in rules if rule.kind == "place"}
    order = [entry.song_id for entry in queue.entries if entry.song_id not in placed]
    for song_id in sorted(placed, key=lambda song: placed[song]):
        order.insert(placed[song_id] - 1, song_id)
    return {song_id: place for place, song_id in enumerate(order, start=1)}
