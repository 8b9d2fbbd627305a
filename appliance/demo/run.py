"""The demo from the first line it prints to the exit code."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from appliance.demo import facts, narrator
from appliance.demo.air import Air
from appliance.demo.cable import Cable
from appliance.demo.children import Children, base_env
from appliance.demo.cloud_view import CloudView
from appliance.demo.crowd import Cue, guests, script
from appliance.demo.deeds import Deeds, guarded
from appliance.demo.hand import Hand
from appliance.demo.options import DemoOptions
from appliance.demo.own_music import BEDS_FOR_A_ROOM, OwnMusic
from appliance.demo.report import Evidence, Report, write_report
from appliance.demo.stage import Stage, seed_cloud, set_stage
from appliance.demo.voice import end_progress, progress, say
from appliance.demo.watch import Watch, tap_to_scene_ms
from appliance.errors import SetupError, StoreDamaged
from appliance.process import Stop
from appliance.store import Store, open_store

TICK_S = 0.05
CHECK_EVERY_S = 2.0
SONGS_WITHIN_S = 90.0
OWN_SONGS_WITHIN_S = 3600.0  # there may be an opera among them
SOUND_WITHIN_S = 20.0
READY_BEFORE_SOUND = 8
UPLOAD_AT_S = 2.0
SCRIPT_S = 3600.0
DRAIN_WITHIN_S = 10.0


def run_demo(options: DemoOptions) -> int:
    """Play; 0 when all went well (and the report, if one was asked for, is all true), else 1."""
    stop = Stop().on_signals()
    if options.music and not options.music.exists():
        raise SetupError(f"{options.music} is not there: give --music a folder with sound files in it")
    stage = set_stage(options.folder)
    env = base_env()
    if options.headless:
        env["SDL_AUDIODRIVER"] = "dummy"
    children = Children(stage.log_dir, env)
    with ExitStack() as ends, suppress(Stopped):
        air = ends.enter_context(closing(Air()))
        stage = replace(stage, reader=air.where)
        ends.callback(children.stop)
        if options.database == "postgres":
            stage = _open_postgres(stage, children, stop)
        seeded = _open_cloud(options, stage, children, stop)
        own = _own_music(options, stage, children, stop, seeded)
        if own:
            ends.callback(own.stop)
        for name in ("sync", "nfc", "ui"):
            children.start(name, name, env=stage.box_env(seeded["room"]["token"]))
        with ThreadPoolExecutor(max_workers=4) as pool:
            return _show(options, stage, children, seeded, pool, stop, own, Hand(air)).play()
    return 0


class Stopped(Exception):
    """Asked to stop before the first sound."""


@dataclass(slots=True)
class Show:
    """A running demo. Its clock counts from the first sound."""

    options: DemoOptions
    stage: Stage
    children: Children
    pool: ThreadPoolExecutor
    stop: Stop
    store: Store
    deeds: Deeds
    cable: Cable
    report: Report
    cues: list[Cue]
    own: OwnMusic | None
    watch: Watch = field(default_factory=Watch)
    after_cut: dict[str, int] = field(default_factory=lambda: {"taps": 0, "votes": 0})
    _first_sound_s: float = 0.0
    _scene_seq: int = 0
    _jobs: list[Future[None]] = field(default_factory=list)
    _checking: Future[None] | None = None
    _checked_s: float = 0.0
    _upload_begun: bool = False

    def play(self) -> int:
        try:
            self._open_doors()
            while not self.stop.requested and not self._over():
                self._tick()
            return self._close_doors()
        finally:
            self.store.close()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._first_sound_s

    def _open_doors(self) -> None:
        """Songs on the disk, then sound, then the addresses."""
        wait = _Patience(self.children, self.stop)
        within_s = OWN_SONGS_WITHIN_S if self.own else SONGS_WITHIN_S
        wait.until(self._songs_are_ready, within_s, "no songs arrive", "sync")
        end_progress()
        for rule in self.own.rules if self.own else ():
            self.store.room.set_rule(rule)
        recording = self.report.evidence.recording
        for old in recording.parent.glob(f"{recording.name}*"):
            old.unlink()  # also the clock beside it, by which a restarted player would go on where the last one was
        self.children.start("player", "player", "--record", str(recording), env=self.deeds.box_env)
        wait.until(self._is_audible, SOUND_WITHIN_S, "no sound comes", "player")
        self._first_sound_s = time.monotonic()
        self._say_addresses()

    def _songs_are_ready(self) -> bool:
        ready = self.store.library.ready_count()
        progress(f"Fetching and preparing songs: {ready} ready")
        own_room = self.own is not None and self.own.beds >= BEDS_FOR_A_ROOM
        return ready >= (BEDS_FOR_A_ROOM if own_room else READY_BEFORE_SOUND)

    def _is_audible(self) -> bool:
        return bool(self.deeds.runtime.read("player").get("audible"))

    def _say_addresses(self) -> None:
        box = f"COSOUND_DATA_DIR={self.stage.data_dir} COSOUND_RUNTIME_DIR={self.stage.runtime_dir}"
        say(f"Sound is on: {self.deeds.runtime.read('player')['engine']['device']}.")
        room = self.deeds.view.admin_get(f"players/{self.report.evidence.player_id}")
        say(f"  on a phone   {self.stage.cloud_url}{room['address']}")
        say(f"  touchscreen  http://127.0.0.1:{self.stage.ui_port}/   staff PIN {self.stage.pin}")
        say(f"  tap a card   {box} .venv/bin/cosound tap")
        say("Ctrl-C ends it.")

    def _over(self) -> bool:
        return self.options.seconds is not None and self.elapsed_s >= self.options.seconds

    def _tick(self) -> None:
        try:
            self._tick_on_store()
        except StoreDamaged:  # the processes of the box start afresh; we only open it afresh
            self.store.close()
            self.store = open_store(self.stage.data_dir, self.stage.runtime_dir, "demo")

    def _tick_on_store(self) -> None:
        for name in self.children.mind():
            say(f"({name} died and was started again)")
        self.cable.mind(self.elapsed_s)
        self._perform_what_is_due()
        self._tell()
        self._look()
        self._check_now_and_then()
        self.store.wait(TICK_S)

    def _perform_what_is_due(self) -> None:
        if not self._upload_begun and self.elapsed_s >= UPLOAD_AT_S:
            self._upload_begun = True
            self._submit(self.deeds.upload)
        while self.cues and self.cues[0].at_s <= self.elapsed_s:
            cue = self.cues.pop(0)
            self._submit(partial(self._perform, cue))

    def _submit(self, deed: Callable[[], None]) -> None:
        self._jobs.append(self.pool.submit(guarded, deed))

    def _perform(self, cue: Cue) -> None:
        if cue.deed == "tap":
            self.deeds.tap(cue.guest)
            self._count_after_cut("taps")
        elif cue.deed == "vote_phone" and self.cable.carries:
            self.deeds.vote_by_phone(cue.guest)
        elif self.deeds.vote_on_screen(cue.guest):
            self._count_after_cut("votes")

    def _count_after_cut(self, what: str) -> None:
        if self.cable.state == "out":
            self.after_cut[what] += 1

    def _tell(self) -> None:
        for scene in self.store.scenes.since(self._scene_seq):
            line = narrator.tell(scene)
            if line:
                say(line)
        self._scene_seq = self.store.scenes.newest_seq()

    def _look(self) -> None:
        pending = self.store.outbox.pending()
        self.watch.see(self.deeds.runtime.read("player"), pending)
        if self.cable.state == "mended":
            self.watch.see_drained(pending, self.elapsed_s)

    def _check_now_and_then(self) -> None:
        """On a thread, while the cloud can be asked: the steps, and the balance of facts."""
        busy = self._checking is not None and not self._checking.done()
        if busy or not self.cable.carries or self.elapsed_s - self._checked_s < CHECK_EVERY_S:
            return
        self._checked_s = self.elapsed_s
        self._checking = self.pool.submit(guarded, self._check)

    def _check(self, *, listen: bool = False) -> None:
        self.report.check(self.elapsed_s, listen=listen)
        self._take_balance()

    def _take_balance(self) -> None:
        box = facts.read_box(self.stage.data_dir)
        player_id = self.report.evidence.player_id
        phone_votes = {vote.vote_id for vote in self.report.evidence.votes}
        ops = self.deeds.view.op_ids(player_id)
        votes = {vote["id"] for vote in self.deeds.view.admin_get(f"players/{player_id}/votes")}
        self.watch.balances.append(facts.balance(box, ops, phone_votes, votes))

    def _close_doors(self) -> int:
        self.cues.clear()
        if self.options.report is None:
            say("Goodbye.")
            return 0
        say("Counting …")
        self._drain()
        for job in (*self._jobs, *([self._checking] if self._checking else [])):
            job.result(timeout=30)
        guarded(partial(self._check, listen=True))
        return self._write_report()

    def _drain(self) -> None:
        """The crowd has gone; what is pending, and a cloud still away, get their ten seconds."""
        deadline_s = time.monotonic() + DRAIN_WITHIN_S
        while time.monotonic() < deadline_s and (self.store.outbox.pending() or self.cable.owed):
            self._tick()
        self._look()

    def _write_report(self) -> int:
        assert self.options.report is not None
        report = self._report()
        write_report(self.options.report, report)
        for step in self.report.steps:
            say(f"  {'✓' if step.ok else '✗'} {step.id:10} {step.detail}")
        say(f"{'All true' if report['ok'] else 'NOT all true'}: {self.options.report}")
        return 0 if report["ok"] else 1

    def _report(self) -> dict[str, Any]:
        last = self.watch.balances[-1] if self.watch.balances else facts.Balance(0, 0, 0, 0, 0, 0)
        drained_ms = None
        if self.watch.drained_at_s is not None and self.cable.back_at_s is not None:
            drained_ms = round((self.watch.drained_at_s - self.cable.back_at_s) * 1000)
        cut_mended = self.options.offline_after_s is None or drained_ms is not None
        return {
            "ok": self.report.ok and self.watch.always_even and last.pending == 0 and cut_mended,
            "steps": self.report.as_rows(),
            "tap_to_scene_ms": tap_to_scene_ms(self.store),
            "underruns": self.watch.underruns,
            "layers_max": self.watch.layers_max,
            "pending_max": self.watch.pending_max,
            "drained_ms": drained_ms,
            "music": self.own and self.own.told(self.watch.heard, self.stage.data_dir),
            "facts": {**asdict(last), "always_even": self.watch.always_even, "after_cut": self.after_cut},
        }


def _open_cloud(options: DemoOptions, stage: Stage, children: Children, stop: Stop) -> dict[str, Any]:
    """Fill the cloud, with the starter library unless there is music of one's own, and start it."""
    say(f"Cosound demo in {stage.folder}")
    seeded = _seed(stage, children, starter=options.music is None, strangers=options.world is not None)
    serve = ("cloud", "serve", "--data", str(stage.cloud_dir), "--port", str(stage.cloud_port))
    children.start("cloud", *serve, env=stage.cloud_env())
    view = CloudView(stage.cloud_url)
    _Patience(children, stop).until(view.healthy, SOUND_WITHIN_S, "the cloud does not answer", "cloud")
    return seeded


def _open_postgres(stage: Stage, children: Children, stop: Stop) -> Stage:
    """The stage with a PostgreSQL of its own that answers."""
    stage = stage.with_postgres()
    say("Starting a PostgreSQL for the cloud …")
    secret = {"COSOUND_POSTGRES_PASSWORD": stage.database_password}
    children.start("postgres", "cloud", "postgres", "--port", str(stage.database_port), env=secret)
    patience = _Patience(children, stop)
    patience.until(stage.database_answers, SOUND_WITHIN_S, "the cloud's PostgreSQL does not answer", "postgres")
    return stage


def _seed(stage: Stage, children: Children, *, starter: bool, strangers: bool = False) -> dict[str, Any]:
    if starter:
        say("Making the starter library (the first time takes a few seconds) …")
    seeded = seed_cloud(stage, {**children.env, **stage.cloud_env()}, progress, starter=starter, strangers=strangers)
    end_progress()
    return seeded


def _own_music(
    options: DemoOptions, stage: Stage, children: Children, stop: Stop, seeded: dict[str, Any]
) -> OwnMusic | None:
    """Begin to add the person's own files, and wait until they make a room; else the starter library helps out."""
    if options.music is None:
        return None
    say(f"Adding your own music from {options.music} …")
    admin = {"COSOUND_ADMIN_EMAIL": seeded["admin"]["email"], "COSOUND_ADMIN_PASSWORD": seeded["admin"]["password"]}
    env = {**children.env, **stage.box_env(seeded["room"]["token"]), **admin}
    own = OwnMusic.begin(options.music, options.music_kind, env)
    try:
        _Patience(children, stop).until(own.enough, OWN_SONGS_WITHIN_S, "your files take too long", "cloud")
    except BaseException:
        own.stop()
        raise
    if own.beds < BEDS_FOR_A_ROOM:
        say(f"Fewer than {BEDS_FOR_A_ROOM} soundscapes of your own: the starter library plays with them.")
        own.stand_out(_seed(stage, children, starter=True)["songs"])
    return own


def _show(
    options: DemoOptions,
    stage: Stage,
    children: Children,
    seeded: dict[str, Any],
    pool: ThreadPoolExecutor,
    stop: Stop,
    own: OwnMusic | None,
    hand: Hand,
) -> Show:
    room, admin = seeded["room"], seeded["admin"]
    crowd = guests(seeded["listeners"], options.world, options.seed)
    view = CloudView(stage.cloud_url, admin["email"], admin["password"])
    recording = (options.record or stage.folder / "recording.wav").resolve()
    evidence = Evidence(view, stage.data_dir, room["player_id"], room["token"], recording)
    box_env = {**children.env, **stage.box_env(room["token"])}
    deeds = Deeds(stage, view, evidence, hand, box_env, options.seed, own_music=own is not None)
    deeds.outspoken, deeds.inverted = options.world is not None, options.invert_votes
    return Show(
        options=options,
        stage=stage,
        children=children,
        pool=pool,
        stop=stop,
        store=open_store(stage.data_dir, stage.runtime_dir, "demo"),
        deeds=deeds,
        cable=Cable(children, view, options.offline_after_s, options.offline_for_s),
        report=Report(evidence),
        cues=script(crowd, options.seed, options.seconds or SCRIPT_S),
        own=own,
    )


@dataclass(frozen=True, slots=True)
class _Patience:
    """Waits for something to come true, minding the children meanwhile."""

    children: Children
    stop: Stop

    def until(self, done: Callable[[], bool], seconds: float, otherwise: str, culprit: str) -> None:
        """Raises SetupError with the culprit's last words when time runs out."""
        deadline_s = time.monotonic() + seconds
        while not done():
            if self.stop.requested:
                raise Stopped
            if time.monotonic() > deadline_s:
                raise SetupError(f"{otherwise}; {culprit} last said: {self.children.of_name[culprit].last_words()}")
            self.children.mind()
            time.sleep(TICK_S)
