"""From what the store knows to the next scene: who is here, what they like, what may sound, and why."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from appliance.brain import refresh_queue
from appliance.config import Config
from appliance.errors import StoreDamaged, TransientError
from appliance.model import Control, Presence, Queue, Rule, Song, TapResult, Vector
from appliance.places import places_of
from appliance.process import UpOrDown
from appliance.reasons import Costs, reasons_for
from appliance.store import Store
from appliance.wishes import Wish, Wishes
from mixer.compose import compose
from mixer.roster import Candidate, Limits, Memory
from mixer.scene import Reason, Scene
from ml.collective import Present
from ml.ledger import Decision
from ml.why import sentence


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
    """One look at the room: the scene it asks for, what is new about it, and what was known when it was asked for."""

    scene: Scene
    moves: tuple[Move, ...]
    here: int
    taps_seen: int
    tap: TapResult | None
    tap_age_s: float
    why: tuple[str, ...]
    decision: Decision | None = None

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
    """Looks at the store and composes. Its state is what compose and the room's wish must remember, and what it has
    seen."""

    store: Store
    config: Config
    memory: Memory = field(default_factory=Memory)
    _taps_seen: int = field(init=False)
    _wishes: Wishes = field(init=False)
    _costs: Costs = field(default_factory=Costs)
    _queue: UpOrDown = field(default_factory=lambda: UpOrDown("the box's own queue"))

    def __post_init__(self) -> None:
        """A tap that led to a scene before we were restarted is no news."""
        self._wishes = Wishes(self.store, self.config)
        latest = self.store.scenes.latest()
        self._taps_seen = latest.taps_seen if latest else 0

    def look(self, aside: Set[str] = frozenset()) -> Direction:
        """Read the room once and compose the scene for now.

        aside: songs that sound only when there are no others.
        """
        store = self.store
        presences, taps_seen = self._who_is_here()
        ready, rules, control = store.library.ready(), store.room.rules(), store.room.control()
        songs = [song for song in ready if song.id not in aside] or ready
        wish = self._wishes.read(presences, songs, self._heard(control), tapped=taps_seen != self._taps_seen)
        self._keep_queue_fresh(songs, wish.direction, rules)
        candidates = self._candidates(songs, wish, rules, store.room.queue(), control)
        composed, memory = compose(candidates, self.memory, self.limits(), store.clock.boot_s())
        moves = _moves(self.memory, memory, {song.id: song.title for song in songs})
        self.memory = memory
        scene = self._told(composed)
        tap, tap_age_s = self._new_tap(taps_seen)
        return Direction(
            scene=scene,
            moves=moves,
            here=len(wish.people),
            taps_seen=taps_seen,
            tap=tap,
            tap_age_s=tap_age_s,
            why=self.sentences(scene),
            decision=self._decision(candidates, songs, wish, scene) if moves else None,
        )

    def recall(self, people: Sequence[Present]) -> None:
        """Go on with what was owed to these people before a restart."""
        self._wishes.recall(people)

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

    def _keep_queue_fresh(self, songs: Sequence[Song], direction: Vector, rules: Sequence[Rule]) -> None:
        try:
            refresh_queue(self.store, songs, direction, rules)
        except StoreDamaged:
            raise
        except TransientError as error:
            self._queue.failed(error)  # a disk that takes no queue must not keep the mix from following
        else:
            self._queue.worked()

    def _candidates(
        self,
        songs: Sequence[Song],
        wish: Wish,
        rules: Sequence[Rule],
        queue: Queue,
        control: Control,
    ) -> list[Candidate]:
        if not songs:
            return []
        reasons = reasons_for(songs, wish, rules, self._wishes.rule)
        places = places_of(queue, rules)
        kinds = {(rule.song_id, rule.kind) for rule in rules}
        called = {rule.song_id for rule in rules if rule.calls}
        faders = {fader.song_id: fader for fader in control.faders}
        alone = control.solo.song_id if control.solo else None
        newest = self.store.library.newest_bed(self.store.clock.wall_s())
        return [
            Candidate(
                song_id=song.id,
                path=song.pcm_path or "",
                kind=song.kind,
                liking=wish.likings[song.id],
                duration_s=song.duration_s or 600.0,
                title=song.title,
                place=places.get(song.id),
                pinned=(song.id, "pin") in kinds,
                placed=(song.id, "place") in kinds,
                called=song.id in called,
                banned=(song.id, "ban") in kinds or (song.id, "skip") in kinds,
                new=song.id == newest and song.id in places,
                fader_db=faders[song.id].gain_db if song.id in faders else None,
                muted=faders[song.id].muted if song.id in faders else False,
                solo=song.id == alone,
                reasons=reasons[row],
            )
            for row, song in enumerate(songs)
        ]

    def _heard(self, control: Control) -> dict[str, float]:
        """The energy of each song in the last scene; nothing while the room is kept silent."""
        if control.mute or control.hush:
            return {}
        sounding = {layer.song_id: layer for layer in self.memory.sounding if not layer.muted}
        if control.solo and any(layer.song_id == control.solo.song_id for layer in self.memory.sounding):
            sounding = {song: layer for song, layer in sounding.items() if song == control.solo.song_id}
        return {song: 10 ** (layer.gain_db / 10) for song, layer in sounding.items()}

    def _told(self, scene: Scene) -> Scene:
        """The scene whose layers also tell what their last play cost them."""
        costs = self._costs.of([layer.song_id for layer in scene.layers], self._hours_since_play)
        return replace(
            scene,
            layers=tuple(replace(layer, reasons=(*layer.reasons, *costs[layer.song_id])) for layer in scene.layers),
        )

    def _hours_since_play(self) -> dict[str, float]:
        played = self.store.library.hours_since_play(self.store.clock.wall_s())
        return {str(song): hours for song, hours in played.items()}

    def _decision(self, candidates: Sequence[Candidate], songs: Sequence[Song], wish: Wish, scene: Scene) -> Decision:
        """What was known of the beds at this look, and which of them sound now, the loudest first."""
        offered = {candidate.song_id for candidate in candidates if not candidate.banned}
        beds = [song for song in songs if song.kind == "soundscape" and song.id in offered]
        chosen = sorted((layer for layer in scene.layers if layer.kind == "soundscape"), key=lambda one: -one.gain_db)
        return Decision(
            at_s=self.store.clock.wall_s(),
            rule=self._wishes.rule,
            policy=self._wishes.policy,
            min_group=self.config.taste_min_group,
            house=wish.house,
            people=wish.people,
            songs=tuple((str(song.id), song.embedding) for song in beds),
            chosen=tuple(str(layer.song_id) for layer in chosen),
            prior=wish.crowd,
        )

    def _who_is_here(self) -> tuple[list[Presence], int]:
        """Those present and the newest tap they are the outcome of, though taps may come while we read."""
        people = self.store.people
        newest, before = people.newest_tap_seq(), None
        while newest != before:
            presences = people.present()
            newest, before = people.newest_tap_seq(), newest
        return presences, newest

    def _new_tap(self, newest: int) -> tuple[TapResult | None, float]:
        """The newest tap, when it has come since the last look, and how many seconds ago."""
        if newest == self._taps_seen:
            return None, 0.0
        self._taps_seen = newest
        return self.store.people.last_tap() or (None, 0.0)


def _moves(before: Memory, after: Memory, titles: dict[Any, str]) -> tuple[Move, ...]:
    was = {layer.song_id: layer.gain_db for layer in before.sounding}
    now = {layer.song_id: layer.gain_db for layer in after.sounding}
    changed = [song for song in {**was, **now} if was.get(song) != now.get(song)]
    moves = [Move(song, titles.get(song, song), was.get(song), now.get(song)) for song in changed]
    return tuple(sorted(moves, key=lambda move: -abs(_level(move.to_db) - _level(move.from_db))))


def _level(gain_db: float | None) -> float:
    """For ordering moves: a layer that does not sound is as good as 40 dB down."""
    return -40.0 if gain_db is None else gain_db
