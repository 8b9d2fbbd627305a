"""Staff's word on songs in a real browser, obeyed by the real player."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import pytest
from staff_door import go_to_the_room, open_mixer

from appliance.model import Rule
from appliance.player import Player
from appliance.store import Store, open_store
from appliance.store.bucket import BucketChange
from appliance.ui.browser import served
from appliance.ui.glass import Glass
from appliance.ui.still import LAYERS, song_id
from appliance.ui.word import BACK_S, HOLDS_S, SOLO_S
from mixer.scene import SongId
from tests.fakes import FakeEngine
from tests.patience import until

if TYPE_CHECKING:
    from conftest import Panel
    from playwright.sync_api import Browser

pytestmark = pytest.mark.processes

TITLES = {song_id(number): layer[0] for number, layer in enumerate(LAYERS)}


@dataclass
class Stage:
    """The panel, and the player whose sound it shows."""

    panel: Panel
    player: Player
    engine: FakeEngine

    @property
    def glass(self) -> Glass:
        return self.panel.glass

    @property
    def store(self) -> Store:
        return self.panel.room.store

    def until(self, so: Callable[[], bool]) -> None:
        """Let the player work, its clock standing still, until it is so."""

        def looked() -> bool:
            self.player.step()
            return so()

        until(looked, "the player obeys")

    def pass_time(self, seconds: float, every_s: float = 1.0) -> None:
        for _ in range(round(seconds / every_s)):
            self.panel.room.clock.advance(every_s)
            self.player.step()

    def hears_one_alone(self) -> bool:
        """After the player has looked at what staff want."""
        self.player.step()
        return bool(self.engine.scene.solo)

    def rules(self) -> dict[str, tuple[str, float | None]]:
        """What staff want: kind and seconds left, by song."""
        now_s = self.store.clock.wall_s()
        return {
            rule.song_id: (rule.kind, None if rule.until_s is None else round(rule.until_s - now_s))
            for rule in self.store.room.rules()
        }

    def sounding(self) -> list[str]:
        return [layer.song_id for layer in self.engine.scene.layers]

    def titles(self) -> list[str]:
        return [strip["title"] for strip in self.panel.room.runtime.read("player")["strips"] if strip]

    def strip_of(self, song_id: str) -> int:
        """The number of its strip, as the player publishes it."""
        strips = self.panel.room.runtime.read("player")["strips"]
        return next(number for number, strip in enumerate(strips, start=1) if strip and strip["song_id"] == song_id)

    def open_choices(self, song_id: str) -> None:
        """Touch a sounding song's strip, as soon as the page shows it there too: it is up to a tick behind."""
        strip = f"strip-{self.strip_of(song_id)}"
        self.glass.wait_for(f"{strip}-title", TITLES[song_id])
        self.glass.open(f"{strip}-song", "sheet-title", TITLES[song_id])

    def choose(self, song_id: str, choice: str) -> None:
        """Open a sounding song's choices and touch one."""
        self.open_choices(song_id)
        self.glass.shut(f"choose-{choice}", "sheet")


@pytest.fixture(scope="module")
def stage(panel: Panel) -> Iterator[Stage]:
    room, patch = panel.room, pytest.MonkeyPatch()
    patch.setattr("appliance.player.TICK_S", 0.0)
    engine = FakeEngine(room.clock.boot_s)
    store = open_store(room.config.box_data_dir, room.config.box_runtime_dir, "player", room.clock)
    yield Stage(panel, Player(store, engine, room.runtime, room.config), engine)
    store.close()
    patch.undo()


@pytest.fixture
def mixer(stage: Stage) -> Stage:
    """In the mixer, at the sixth second of the house mix, nothing said by staff."""
    for rule in stage.store.room.rules():
        stage.store.room.say(rule.song_id, [])
    stage.store.room.end_solo()
    if not stage.glass.shows("mixer"):
        go_to_the_room(stage.panel)
        open_mixer(stage.panel)
    stage.pass_time(30, every_s=5)
    stage.glass.wait_gone("line")
    return stage


def a_bed(stage: Stage) -> str:
    return next(layer.song_id for layer in stage.engine.scene.layers if layer.kind == "soundscape")


def test_one_touch_skips_a_layer_and_undo_fetches_it_back(mixer: Stage) -> None:
    bed = a_bed(mixer)
    mixer.choose(bed, "skip")
    mixer.glass.wait_for("line-text", TITLES[bed])
    assert mixer.rules() == {bed: ("skip", HOLDS_S["skip"])}
    mixer.until(lambda: bed not in mixer.sounding())
    assert len(mixer.sounding()) == 7, "another has its place"
    mixer.glass.shut("line-undo")
    mixer.until(lambda: bed in mixer.sounding())
    assert mixer.rules() == {bed: ("pin", BACK_S)}
    mixer.glass.wait_gone("line-undo")
    mixer.pass_time(BACK_S)
    assert mixer.rules() == {}
    assert bed in mixer.sounding(), "from now on it stands as any other"


def test_what_is_kept_stays_while_the_others_take_turns_until_it_is_let_go(mixer: Stage) -> None:
    bed = a_bed(mixer)
    mixer.choose(bed, "pin")
    mixer.glass.wait_for("line-undo")
    assert mixer.rules() == {bed: ("pin", None)}
    before = set(mixer.sounding())
    mixer.pass_time(3000, every_s=60)
    assert bed in mixer.sounding()
    assert before - set(mixer.sounding()), "the others took turns"
    mixer.glass.wait_for("room")  # left alone for so long, it went back behind the PIN
    open_mixer(mixer.panel)
    mixer.choose(bed, "pin")
    mixer.glass.wait_for("line-undo")
    assert mixer.rules() == {}


def test_a_ban_stands_in_the_list_from_which_it_is_allowed_again(mixer: Stage) -> None:
    bed = a_bed(mixer)
    mixer.choose(bed, "ban")
    mixer.until(lambda: bed not in mixer.sounding())
    assert mixer.rules() == {bed: ("ban", None)}
    mixer.glass.open("songs", "said-1-title", TITLES[bed])
    mixer.glass.open("said-1-lift", "said-none")
    assert mixer.rules() == {}
    mixer.glass.open("line-undo", "said-1-title", TITLES[bed])
    assert mixer.rules() == {bed: ("ban", None)}
    mixer.glass.open("songs-back", "mixer")


def test_a_song_that_waits_is_put_first_and_comes(mixer: Stage) -> None:
    waiting = next(song for song in TITLES if song not in mixer.sounding() and kind_of(song) == "soundscape")
    mixer.store.room.replace_queue([*mixer.sounding(), waiting], rev="still")
    mixer.glass.open("songs", "coming-1-title", TITLES[waiting])
    mixer.glass.open("coming-1", "sheet-title", TITLES[waiting])
    mixer.glass.open("choose-place", "line-undo")
    assert mixer.rules() == {waiting: ("place", HOLDS_S["place"])}
    mixer.glass.open("songs-back", "mixer")
    mixer.pass_time(40, every_s=5)
    assert waiting in mixer.sounding()


def kind_of(song: str) -> str:
    return LAYERS[int(song.removeprefix("song-")) - 1][1]


def test_one_layer_is_heard_alone_until_it_is_touched_again_or_its_minute_is_over(mixer: Stage) -> None:
    bed = a_bed(mixer)
    mixer.choose(bed, "solo")
    mixer.until(lambda: mixer.engine.scene.solo)
    assert [layer.song_id for layer in mixer.engine.scene.layers if layer.solo] == [bed]
    mixer.glass.wait_for("line-count", "1:00")
    mixer.choose(bed, "solo")
    mixer.until(lambda: not mixer.engine.scene.solo)
    mixer.glass.wait_gone("line")
    mixer.choose(bed, "solo")
    mixer.until(lambda: mixer.engine.scene.solo)
    mixer.glass.shut("line-solo")
    mixer.until(lambda: not mixer.engine.scene.solo)
    mixer.choose(bed, "solo")
    mixer.until(lambda: mixer.engine.scene.solo)
    mixer.pass_time(SOLO_S + 1)
    assert not mixer.engine.scene.solo
    mixer.glass.wait_gone("line")


def test_a_thumb_is_not_lost_when_the_choices_under_it_are_redrawn(mixer: Stage) -> None:
    bed, glass = a_bed(mixer), mixer.glass

    def keep(minutes: int) -> None:
        mixer.store.room.set_rule(Rule(SongId(bed), "pin", until_s=mixer.store.clock.wall_s() + 60 * minutes))
        glass.wait_called("choose-pin", f"{minutes} min")

    mixer.open_choices(bed)
    keep(10)
    minutes_left = iter(range(9, 0, -1))
    glass.hold_until("choose-solo", lambda: keep(next(minutes_left)), mixer.hears_one_alone, "all heard")


def test_a_thumb_is_not_lost_when_the_line_under_it_counts_on(mixer: Stage) -> None:
    mixer.choose(a_bed(mixer), "solo")
    mixer.until(mixer.hears_one_alone)
    mixer.glass.wait_for("line-count", "1:00")
    seconds_left = iter(range(59, 0, -1))

    def pass_a_second() -> None:
        mixer.pass_time(1)
        mixer.glass.wait_for("line-count", f"0:{next(seconds_left)}")

    mixer.glass.hold_until("line-solo", pass_a_second, lambda: not mixer.hears_one_alone(), "one alone")


def test_a_thumb_in_a_list_opens_the_song_it_touched_though_the_list_goes_another_way(mixer: Stage) -> None:
    first, second, third = [song for song in TITLES if song not in mixer.sounding()][:3]
    queue, glass = mixer.store.room.replace_queue, mixer.glass
    ways = count()

    def queued(songs: list[str], row: int) -> None:
        queue(songs, rev=f"way {next(ways)}")
        glass.wait_for(f"coming-{row}-title", TITLES[first])

    def hold() -> None:
        queued([first, second], 1)
        glass.hold_until("coming-1", lambda: queued([third, second, first], 3), lambda: True, "nothing")

    queue([first, second], rev="the first way")
    glass.open("songs", "coming-2-title", TITLES[second])
    glass.touch_until(hold, lambda: glass.shows("sheet-title"), "no choices are opened")
    glass.wait_for("sheet-title", TITLES[first])
    glass.shut("sheet-close", "sheet")
    queue([], rev="still")
    glass.open("songs-back", "mixer")


def test_a_song_that_is_gone_is_said_not_to_be_stored(mixer: Stage) -> None:
    bed = a_bed(mixer)
    mixer.open_choices(bed)
    row = dict(mixer.store.db.rows("select * from songs where id = ?", bed)[0])
    mixer.store.bucket.apply([BucketChange("songs", bed, "del")], epoch="still", rev=2)
    mixer.glass.open("choose-ban", "line-text", mixer.panel.texts.not_stored)
    assert not mixer.glass.shows("line-undo")
    assert mixer.rules() == {}
    with mixer.store.db.write() as conn:
        conn.execute(f"insert into songs ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values()))


def test_a_touch_beside_the_sheet_puts_it_away_and_says_nothing(mixer: Stage) -> None:
    glass = mixer.glass
    mixer.open_choices(a_bed(mixer))
    beside = (mixer.panel.width / 2, 140)
    glass.touch_until(lambda: glass.page.mouse.click(*beside), lambda: not glass.shows("sheet"), "the sheet stays")
    mixer.open_choices(a_bed(mixer))
    glass.shut("sheet-close", "sheet")
    assert mixer.rules() == {}


@pytest.mark.every_panel
def test_every_key_is_on_the_glass_and_a_thumb_hits_it(mixer: Stage) -> None:
    long = "The night train to the sea, as it was heard from the garden of the old station in the summer of 1968"
    bed, songs = a_bed(mixer), mixer.store.db.tables["songs"]
    songs.update(bed, {"title": long})
    mixer.store.room.set_rule(Rule(SongId(song_id(15)), "ban"))
    mixer.until(lambda: long in mixer.titles())
    mixer.glass.wait_for(f"strip-{mixer.strip_of(bed)}-title", "The night train")
    mixer.glass.open(f"strip-{mixer.strip_of(bed)}-song", "sheet-title", "The night train")
    hit(mixer, ["sheet-close", "choose-solo", "choose-pin", "choose-skip", "choose-ban"], least=56)
    mixer.glass.open("choose-pin", "line-undo")
    hit(mixer, ["line-undo", "songs", "strip-1-song", "strip-16-song"])
    mixer.glass.open("songs", "said-2-lift")
    hit(mixer, ["songs-back", "playing-1", "said-1", "said-1-lift", "said-2-lift", "line-undo"])
    mixer.glass.open("songs-back", "mixer")
    songs.update(bed, {"title": TITLES[bed]})
    mixer.until(lambda: TITLES[bed] in mixer.titles())


def hit(stage: Stage, keys: list[str], least: float = 48) -> None:
    for name in keys:
        x, y, width, height = stage.glass.place(name)
        assert min(x, y) >= 0, name
        assert x + width <= stage.panel.width + 0.5, name
        assert y + height <= stage.panel.height + 0.5, name
        assert min(width, height) >= least - 0.5, name


def test_guests_have_none_of_it(mixer: Stage, browser: Browser) -> None:
    mixer.choose(a_bed(mixer), "solo")
    mixer.until(lambda: mixer.engine.scene.solo)
    guest = Glass(browser, mixer.panel.url, mixer.panel.width, mixer.panel.height)
    try:
        guest.wait_for("notice", mixer.panel.texts.sound_alone)
        for name in ("songs", "strip-1-song", "sheet", "line", "line-solo"):
            assert not guest.shows(name), name
    finally:
        guest.close()


def test_choices_left_open_close_with_the_page(mixer: Stage) -> None:
    mixer.open_choices(a_bed(mixer))
    mixer.pass_time(182, every_s=2)
    mixer.glass.wait_for("room")
    open_mixer(mixer.panel)
    assert not mixer.glass.shows("sheet")


def test_what_was_said_outlives_the_screen_and_the_player(mixer: Stage, browser: Browser) -> None:
    bed = a_bed(mixer)
    mixer.choose(bed, "ban")
    mixer.until(lambda: bed not in mixer.sounding())
    room, engine = mixer.panel.room, FakeEngine(mixer.panel.room.clock.boot_s)
    Player(mixer.player.store, engine, room.runtime, room.config).step()
    assert engine.scene.layers
    assert bed not in [layer.song_id for layer in engine.scene.layers]
    with served(room) as url:
        glass = Glass(browser, url, mixer.panel.width, mixer.panel.height)
        again = replace(mixer.panel, glass=glass)
        open_mixer(again)
        glass.open("songs", "said-1-title", TITLES[bed])
        glass.open("said-1-lift", "said-none")
        glass.close()
    mixer.until(lambda: mixer.rules() == {})
    assert mixer.glass.errors == []
    assert mixer.panel.asked_outside == []
