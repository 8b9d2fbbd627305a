"""The player: looks at the room, gives the engine its scene, and says what sounds."""

from __future__ import annotations

import gc
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from appliance.chime import Chimes
from appliance.config import Config
from appliance.director import Direction, Director
from appliance.errors import StoreDamaged, TransientError
from appliance.model import Control, TapResult
from appliance.plays import Plays
from appliance.process import UpOrDown
from appliance.resume import Bookmark, Interrupted, interrupted
from appliance.runtime import Runtime
from appliance.store import Store
from appliance.store.ledger import Ledger
from appliance.store.scenes import PATIENCE_S
from appliance.unheard import LOW_DB, Unheard
from mixer.engine import Engine, EngineStatus, MasterControl, StripStatus
from mixer.pcm import PcmError, read_info
from mixer.scene import Layer, Scene, SongId
from ml.unmet import UNMET_MEMORY_S

log = logging.getLogger(__name__)

TICK_S = 0.1
FIRST_TICK_S = 0.02
LOOK_AGAIN_S = 1.0
TIDY_EVERY_S, TIDY_BESIDE_S = 900.0, 60.0  # beside: when something else is written down, which wakes the card anyway
LEAST_PATIENCE_S = 2.0
PATIENCE_PART = 0.1  # of the time it has run
AUDIBLE = 10 ** (-60 / 20)


@dataclass(slots=True)
class Player:
    """One `step()` a tenth of a second, or at once when the bell rings."""

    store: Store
    engine: Engine
    runtime: Runtime
    config: Config
    director: Director = field(init=False)
    _plays: Plays = field(init=False)
    _ledger: Ledger = field(init=False)
    _chimes: Chimes = field(init=False)
    _bookmark: Bookmark = field(init=False)
    _layers: dict[str, Layer] = field(default_factory=dict)
    _leaving: dict[str, Layer] = field(default_factory=dict)  # still heard while they fade
    _direction: Direction | None = None
    _scene_id: str | None = None
    _owes_scene: bool = False  # applied, but the log of scenes would not take it
    _unheard: Unheard = field(default_factory=Unheard)
    _interrupted: Interrupted | None = None
    _control: Control = field(default_factory=Control)
    _looked_s: float = float("-inf")
    _tidied_s: float = float("-inf")
    _began_s: float = field(init=False)
    _written_s: float = float("-inf")
    _card: UpOrDown = field(default_factory=lambda: UpOrDown("the log of what sounded"))
    _has_sounded: bool = False  # until then it looks more often: whoever waits for sound is told at once

    def __post_init__(self) -> None:
        self.director = Director(self.store, self.config)
        self._plays = Plays(self.store.scenes)
        self._ledger = Ledger(self.store.db, self.store.clock)
        self._bookmark = Bookmark(self.config.box_data_dir)
        self._chimes = Chimes(self.config.box_data_dir / "chimes")
        self._began_s = self.store.clock.boot_s()

    def start(self) -> None:
        """Sound first; then tidy up what a crash left open. A disk that refuses is no reason for silence."""
        last = self.runtime.read("player")
        alive_s = last.get("boot_s")
        try:
            self._recall()
            self._go_on(last)
            self.look()
            self.store.scenes.close_open_plays(alive_s)
        except StoreDamaged:
            raise
        except TransientError as error:
            log.warning("playing, but nothing can be written down: %s", error)
        self._chimes.prepare()
        gc.collect()
        gc.freeze()
        gc.set_threshold(700, 10, 1_000_000)  # a full collection in the player would be heard

    def step(self) -> None:
        woken = self.store.wait(TICK_S if self._has_sounded else min(FIRST_TICK_S, TICK_S))
        now_s = self.store.clock.boot_s()
        try:
            if woken or now_s - self._looked_s >= LOOK_AGAIN_S:
                self.look()
        finally:  # a disk that refuses must not make a sounding player look dead
            status = self.engine.status()
            audible = self._audible(status)
            self._has_sounded = self._has_sounded or bool(audible)
            state = self._state(status, audible)
            self.runtime.publish("player", state)
        if status.missing_files:
            self._give_up_on_missing_files(status)
        if self._control.master_db > LOW_DB and self._unheard.judge(status.silent_for_s, self._layers.values(), now_s):
            self.look()
        self._plays.hear(audible, now_s)
        written = self._write_down_in_time(now_s)
        self._tidy(now_s, beside=written)
        if self._bookmark.is_due(now_s, beside=written):
            self._lay_bookmark(state, now_s)

    def look(self) -> None:
        """Read the room and converge: hands on the master first, then the scene."""
        self._looked_s = self.store.clock.boot_s()
        self._converge_control()
        direction = self.director.look(self._unheard.aside(self._looked_s))
        self._direction = direction
        self._answer(direction.tap, direction.tap_age_s)
        self._owes_scene = self._owes_scene or direction.changed
        if not (self._owes_scene or self._differs(direction)):
            return
        self.engine.apply(self._in_phase(direction.scene))
        known = self._leaving | self._layers
        left = self._layers.keys() - {layer.song_id for layer in direction.scene.layers}
        self._layers = {layer.song_id: layer for layer in direction.scene.layers}
        heard = {strip.song_id for strip in self.engine.status().strips}
        self._leaving = {song: known[song] for song in known if song in heard and song not in self._layers}
        if self._owes_scene:
            self._scene_id = self._write_down(direction)
            self._owes_scene = False
        self._let_go_of_what_left()
        if left:
            self.store.room.end_calls(left)

    def _go_on(self, last: Mapping[str, Any]) -> None:
        """After a crash or a reboot the room's sound returns, not another; the log of a new boot begins with it."""
        self._interrupted = interrupted(self.store, last, self._bookmark.read())
        if self._interrupted is not None:
            self.director.memory = self._interrupted.memory
            self._scene_id = self._interrupted.scene_id
            self._owes_scene = self._interrupted.rebooted

    def _in_phase(self, scene: Scene) -> Scene:
        """The first scene goes on where the last one was."""
        broken, self._interrupted = self._interrupted, None
        return scene if broken is None else broken.go_on(scene, self.store.clock.boot_s())

    def _give_up_on_missing_files(self, status: EngineStatus) -> None:
        """A song whose cache file is gone is not ready: the next look takes another, and it is prepared again."""
        sounding = {strip.song_id for strip in status.strips}
        for layer in [layer for layer in self._layers.values() if layer.song_id not in sounding]:
            song = self.store.library.song(layer.song_id)
            if song is None or not song.ready:
                continue  # said already; there is nothing else to play
            try:
                read_info(layer.path)
            except PcmError as error:
                log.warning("another layer takes the place of %s: %s", layer.title, error)
                self.store.library.set_ready(layer.song_id, None)

    def _answer(self, tap: TapResult | None, age_s: float) -> None:
        """A new tap sounds at once or not at all; the engine keeps it out of a hush."""
        if tap is not None:
            self._chimes.play(self.engine, tap, self.store.clock.boot_s() - age_s)

    def _write_down(self, direction: Direction) -> str:
        """The scene, and what was known when it was decided; the scene's id."""
        scene_id = self.store.scenes.record(
            [_layer_row(layer) for layer in direction.scene.layers],
            taps_seen=direction.taps_seen,
            cause=direction.cause(),
        )
        if direction.decision is not None:
            self._ledger.add(direction.decision)
        return scene_id

    def _write_down_in_time(self, now_s: float) -> bool:
        """Seldom, for the card's sake; sooner while we have not run for long, and may not run for much longer.

        True when something was written.
        """
        patience_s = min(max(PATIENCE_PART * (now_s - self._began_s), LEAST_PATIENCE_S), PATIENCE_S)
        if self.store.scenes.waiting_s < patience_s or now_s - self._written_s < LEAST_PATIENCE_S:
            return False
        self._written_s = now_s
        try:
            self.store.scenes.write_down()
            self._ledger.flush_beside()
        except StoreDamaged:
            raise
        except TransientError as error:
            self._card.failed(error)
            return False
        self._card.worked()
        return True

    def _recall(self) -> None:
        """What the room owes its people outlives a restart."""
        last = self._ledger.newest()
        if last is not None and last[1] < UNMET_MEMORY_S:
            self.director.recall(last[0].people)

    def close(self) -> None:
        status = self.engine.status()
        self._lay_bookmark(self._state(status, self._audible(status)), self.store.clock.boot_s())
        try:
            self._plays.close(self.store.clock.boot_s())
            self._ledger.flush()
            self.store.scenes.write_down()
        except TransientError as error:
            log.warning("what sounded last is not written down: %s", error)
        finally:
            self.engine.close()

    def _lay_bookmark(self, state: Mapping[str, Any], now_s: float) -> None:
        if self._layers:
            layers = [_layer_row(layer) for layer in self._layers.values()]
            self._bookmark.lay(state, layers, boot_id=self.store.clock.boot_id, now_s=now_s)

    def _tidy(self, now_s: float, *, beside: bool) -> None:
        """Stays whose time is up would otherwise be read again at every look, for ever."""
        if now_s - self._tidied_s >= (TIDY_BESIDE_S if beside else TIDY_EVERY_S):
            self._tidied_s = now_s
            self.store.people.close_passed_stays()

    def _converge_control(self) -> None:
        wanted = self.store.room.control()
        if wanted != self._control or self._direction is None:
            self.engine.control(MasterControl(wanted.master_db, wanted.mute, wanted.hush))
            self._control = wanted

    def _differs(self, direction: Direction) -> bool:
        """A hand on a fader, a mute or a new reason changes a layer without moving it."""
        return {layer.song_id: layer for layer in direction.scene.layers} != self._layers

    def _let_go_of_what_left(self) -> None:
        gone = [fader.song_id for fader in self._control.faders if fader.song_id not in self._layers]
        if gone:
            self.store.room.release_faders(gone)
        if self._control.solo and self._control.solo.song_id not in self._layers:
            self.store.room.end_solo()

    def _audible(self, status: EngineStatus) -> set[str]:
        if self._control.mute:
            return set()
        return {strip.song_id for strip in status.strips if strip.song_id and strip.rms >= AUDIBLE}

    def _state(self, status: EngineStatus, audible: set[str]) -> dict[str, Any]:
        direction = self._direction
        shares = _shares(status.strips)
        since_s = {layer.song_id: layer.since_s for layer in self.director.memory.sounding}
        engine = asdict(status)
        del engine["strips"]
        return {
            "boot_s": round(self.store.clock.boot_s(), 3),
            "scene_id": self._scene_id,
            "audible": bool(audible),
            "silent_on_purpose": self._control.mute,
            "here": direction.here if direction else 0,
            "why": list(direction.why) if direction else [],
            "scene": [{"song_id": song, "share": round(share, 4)} for song, share in shares.items() if share > 0],
            "underruns": status.underruns,
            "engine": engine,
            "strips": [self._strip(strip, shares, since_s) for strip in status.strips],
            "master": {
                "gain_db": self._control.master_db,
                "mute": self._control.mute,
                "hush": self._control.hush,
            },
        }

    def _strip(
        self, strip: StripStatus, shares: Mapping[str, float], since_s: Mapping[SongId, float]
    ) -> dict[str, Any] | None:
        if strip.song_id is None:
            return None
        layer = self._layers.get(strip.song_id) or self._leaving.get(strip.song_id)
        return {
            "song_id": strip.song_id,
            "title": layer.title if layer else "",
            "kind": layer.kind if layer else "soundscape",
            "gain_db": round(layer.gain_db if layer and strip.song_id in self._layers else strip.gain_db, 2),
            "peak": round(strip.peak, 4),
            "rms": round(strip.rms, 4),
            "position_frame": strip.position_frame,
            "since_s": round(since_s.get(SongId(strip.song_id), 0.0), 3),
            "muted": layer.muted if layer else False,
            "held": layer.held if layer else False,
            "why": self.director.sentence(layer.reasons) if layer else "",
            "share": round(shares.get(strip.song_id, 0.0), 4),
        }


def _shares(strips: tuple[StripStatus, ...]) -> dict[str, float]:
    """Each song's part of the audible energy, 0 … 1."""
    energy: dict[str, float] = {}
    for strip in strips:
        if strip.song_id:
            energy[strip.song_id] = energy.get(strip.song_id, 0.0) + strip.rms**2
    total = sum(energy.values())
    return {song: part / total if total > 0 else 0.0 for song, part in energy.items()}


def _layer_row(layer: Layer) -> dict[str, Any]:
    """A layer for the scene log."""
    row = asdict(layer)
    for name in ("path", "loop", "law", "start_frame"):
        del row[name]
    return row
