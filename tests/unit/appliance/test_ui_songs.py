"""Staff's word on songs, without a screen: what is offered, said, told, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.errors import InputError
from appliance.model import LOCAL, Control, RuleKind, Solo, Song
from appliance.store import Store
from appliance.store.bucket import BucketChange
from appliance.ui.desk import TOLD_S, Desk
from appliance.ui.durations import minutes
from appliance.ui.english import ENGLISH
from appliance.ui.facts import Facts, Songbook, Sound, StripState, Word
from appliance.ui.french import FRENCH
from appliance.ui.line_view import line_view
from appliance.ui.mixer_view import mixer_view
from appliance.ui.room_view import room_view
from appliance.ui.sheet_view import sheet_view
from appliance.ui.songbook import read_songbook
from appliance.ui.songs_view import songs_view
from appliance.ui.still import LAYERS, StillRoom, song_id
from appliance.ui.texts import Texts
from appliance.ui.word import BACK_S, HOLDS_S, SOLO_S, Said, say, take_back
from mixer.scene import Kind, SongId

NOW_S = 1000.0
KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
WAVES, PIANO, RAIN_ROOF, FIRE_PLACE = (song_id(number) for number in range(4))


def song(number: int, kind: Kind = "soundscape", title: str | None = None, ready: bool = True) -> Song:
    pcm_path = f"/pcm/{number}" if ready else None
    return Song(SongId(song_id(number)), LAYERS[number][0] if title is None else title, kind, pcm_path=pcm_path)


def strip(number: int, why: str = "a reason") -> StripState:
    title, kind, gain_db, *_ = LAYERS[number]
    return StripState(song_id(number), title, gain_db, "instrumental" if kind == "instrumental" else "soundscape",
                      why=why)  # fmt: skip


def facts(*words: Word, sounding: int = 3, queue: tuple[Song, ...] = (), alone: str | None = None) -> Facts:
    solo = None if alone is None else Solo(SongId(alone), round(1000 * (NOW_S + 42)), "boot")
    return Facts(
        sound=Sound(boot_s=NOW_S, strips=tuple(strip(number) for number in range(sounding))),
        control=Control(solo=solo),
        songs=Songbook(queue, words),
    )


def choices(facts: Facts, song_id: str, texts: Texts = ENGLISH) -> dict[str, tuple[str, str, bool]]:
    view = sheet_view(facts, song_id, NOW_S, texts)
    assert view is not None
    return {choice.name: (choice.label, choice.hint, choice.on) for choice in view.choices}


class TestTheChoices:
    def test_a_layer_that_sounds_may_be_heard_alone_kept_or_sent_away(self) -> None:
        assert choices(facts(), WAVES) == {
            "solo": ("Hear only this", "for one minute", False),
            "pin": ("Keep", "until you let it go", False),
            "skip": ("Skip", "for two hours", False),
            "ban": ("Never again", "until you allow it", False),
        }

    def test_a_song_that_waits_may_be_put_first(self) -> None:
        queued = facts(queue=(song(5, "instrumental"),))
        assert list(choices(queued, song_id(5))) == ["place", "pin", "skip", "ban"]
        assert choices(queued, song_id(5))["pin"][1] == "comes again until you let it go"

    def test_what_stands_is_lifted_by_the_same_key_and_says_how_long(self) -> None:
        skipped = facts(Word(song(0), "skip", NOW_S + 4000))
        assert choices(skipped, WAVES)["skip"] == ("Bring back", "1 h 7 min left", True)
        assert "solo" not in choices(skipped, WAVES), "it is leaving"
        view = sheet_view(skipped, WAVES, NOW_S, ENGLISH)
        assert view is not None
        assert (view.told, view.staffs) == ("Skipped by staff · 1 h 7 min left", True)

    def test_what_is_heard_alone_gives_the_others_back(self) -> None:
        assert choices(facts(alone=WAVES), WAVES)["solo"] == ("Hear all again", "", True)
        assert choices(facts(alone=WAVES), PIANO)["solo"] == ("Hear only this", "for one minute", False)

    def test_of_two_words_the_stronger_one_stands(self) -> None:
        both = facts(Word(song(0), "pin"), Word(song(0), "ban"))
        assert [name for name, (_, _, on) in choices(both, WAVES).items() if on] == ["ban"]

    @pytest.mark.parametrize("asked", [None, "unheard of"])
    def test_there_are_none_for_a_song_nobody_knows(self, asked: str | None) -> None:
        assert sheet_view(facts(), asked, NOW_S, ENGLISH) is None

    @pytest.mark.parametrize("texts", [ENGLISH, FRENCH])
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_word_is_offered_told_and_lifted_in_every_language(self, texts: Texts, kind: RuleKind) -> None:
        spoken = facts(Word(song(5), kind, NOW_S + 60), queue=(song(5),))
        offered = choices(facts(queue=(song(5),)), song_id(5), texts)[kind]
        lifted = choices(spoken, song_id(5), texts)[kind]
        assert offered[0] != lifted[0]
        assert "1 min" in lifted[1]
        (row,) = songs_view(spoken, NOW_S, texts).said
        assert (row.lift, row.word) == (lifted[0], kind)
        assert "1 min" in row.told


class TestTheLists:
    def test_they_are_what_sounds_what_comes_and_what_was_said(self) -> None:
        words = (Word(song(6), "ban"), Word(song(4), "place", NOW_S + 3600), Word(song(5), "skip", NOW_S + 60))
        queue = (song(4), song(1), song(5), song(6), song(7, ready=False))
        view = songs_view(facts(*words, queue=queue), NOW_S, ENGLISH)
        assert [row.title for row in view.playing] == [LAYERS[number][0] for number in (0, 1, 2)]
        assert [(row.song_id, row.told) for row in view.coming] == [
            (song_id(4), "Placed by staff · 1 h left"),
            (song_id(7), "Soundscape · its file is still on its way"),
        ]
        assert [(row.song_id, row.word) for row in view.said] == [
            (song_id(4), "place"), (song_id(5), "skip"), (song_id(6), "ban")
        ]  # fmt: skip

    def test_a_player_that_stopped_plays_nothing_and_the_rest_can_still_be_said(self) -> None:
        stopped = replace(facts(Word(song(6), "ban"), queue=(song(4),)), sound=Sound())
        view = songs_view(stopped, NOW_S, ENGLISH)
        assert (view.playing, len(view.coming), len(view.said)) == ((), 1, 1)

    def test_titles_in_letters_nobody_can_draw_are_still_rows(self) -> None:
        view = songs_view(facts(queue=(song(4, title="夜の雨"), song(5, title="مطر"))), NOW_S, ENGLISH)
        assert [row.title for row in view.coming] == ["Untitled", "Untitled"]

    @given(
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from(KINDS), st.none() | st.floats(-1e9, 1e9)), max_size=12),
        st.lists(st.integers(0, 9), max_size=9, unique=True),
        st.integers(0, 9),
    )
    def test_no_song_stands_in_a_list_twice_and_every_one_has_its_choices(
        self, spoken: list[tuple[int, RuleKind, float | None]], queued: list[int], sounding: int
    ) -> None:
        words = [Word(song(number), kind, until_s) for number, kind, until_s in spoken]
        room = facts(*words, sounding=sounding, queue=tuple(song(number) for number in queued))
        view = songs_view(room, NOW_S, ENGLISH)
        for rows in (view.playing, view.coming, view.said):
            assert len({row.song_id for row in rows}) == len(rows)
            assert all(len(choices(room, row.song_id)) == 4 for row in rows)
        assert len(view.said) == len({number for number, _, _ in spoken})
        assert not {row.song_id for row in view.playing} & {row.song_id for row in view.coming}


class TestOneAlone:
    def test_its_strip_is_marked_and_the_others_are_dimmed(self) -> None:
        strips = mixer_view(facts(alone=PIANO), NOW_S, ENGLISH).strips[:3]
        assert [(one.alone, one.unheard) for one in strips if one] == [(False, True), (True, False), (False, True)]

    @pytest.mark.parametrize(("alone", "later_s"), [("unheard of", 0.0), (WAVES, 42.0)])
    def test_it_ends_with_its_time_or_when_it_no_longer_sounds(self, alone: str, later_s: float) -> None:
        room = replace(facts(alone=alone), sound=replace(facts().sound, boot_s=NOW_S + later_s))
        assert not any(one.unheard for one in mixer_view(room, NOW_S + later_s, ENGLISH).strips if one)
        assert line_view(room, Desk(ManualClock(NOW_S + later_s)), NOW_S + later_s, ENGLISH) is None

    def test_guests_are_told_why_all_else_is_still(self) -> None:
        view = room_view(replace(facts(alone=WAVES), names=("Heron",)), None, NOW_S, ENGLISH)
        assert view.notice == ENGLISH.sound_alone

    def test_the_line_counts_down_and_ends_it(self) -> None:
        view = line_view(facts(alone=WAVES), Desk(ManualClock(NOW_S)), NOW_S, ENGLISH)
        assert view is not None
        assert (view.text, view.count, view.key) == ("You hear only Waves on a long beach", "0:42", "solo")


class TestTheLine:
    SAID = Said(WAVES, "Waves", "skip")

    def desk(self) -> tuple[Desk, ManualClock]:
        clock = ManualClock(NOW_S)
        return Desk(clock), clock

    @pytest.mark.parametrize("kind", [*KINDS, None])
    def test_it_says_what_was_done_and_offers_the_way_back_for_a_while(self, kind: RuleKind | None) -> None:
        desk, clock = self.desk()
        desk.take(replace(self.SAID, kind=kind))
        view = line_view(facts(alone=WAVES), desk, clock.boot, ENGLISH)
        assert view is not None
        assert (view.key, "Waves" in view.text) == ("undo", True)
        clock.advance(TOLD_S["said"])
        assert line_view(facts(), desk, clock.boot, ENGLISH) is None
        assert desk.take_back() is None

    def test_it_is_taken_back_once(self) -> None:
        desk, clock = self.desk()
        desk.take(self.SAID)
        assert (desk.take_back(), desk.take_back()) == (self.SAID, None)
        view = line_view(facts(), desk, clock.boot, ENGLISH)
        assert view is not None
        assert (view.text, view.key) == ("Waves is as it was", None)

    def test_what_was_not_stored_is_said_and_cannot_be_taken_back(self) -> None:
        desk, clock = self.desk()
        desk.take(self.SAID)
        desk.refuse()
        view = line_view(facts(), desk, clock.boot, ENGLISH)
        assert view is not None
        assert (view.text, view.warns, desk.take_back()) == (ENGLISH.not_stored, True, None)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "1 min"),
        (0, "1 min"),
        (61, "2 min"),
        (3600, "1 h"),
        (4801, "1 h 21 min"),
        (7200, "2 h"),
        (7201, "2 h 1 min"),
    ],
)
def test_a_time_that_holds_as_people_read_it(seconds: float, said: str) -> None:
    assert minutes(seconds) == said


class TestInTheStore:
    @pytest.fixture
    def room(self, tmp_path: Path) -> Iterator[StillRoom]:
        room = StillRoom(tmp_path)
        yield room
        room.close()

    def kinds(self, store: Store) -> dict[str, list[RuleKind]]:
        held: dict[str, list[RuleKind]] = {}
        for rule in store.room.rules():
            held.setdefault(rule.song_id, []).append(rule.kind)
        return held

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_word_holds_as_long_as_it_says_also_across_a_wrong_clock(self, room: StillRoom, kind: RuleKind) -> None:
        say(room.store, WAVES, kind)
        room.clock.set_wall(0)
        room.clock.advance((HOLDS_S[kind] or 1e6) - 1)
        assert self.kinds(room.store) == {WAVES: [kind]}
        room.clock.advance(2)
        assert (self.kinds(room.store) == {}) == (HOLDS_S[kind] is not None)

    def test_a_new_word_replaces_the_last_and_lifting_leaves_none(self, room: StillRoom) -> None:
        for kind in KINDS:
            say(room.store, WAVES, kind)
            assert self.kinds(room.store) == {WAVES: [kind]}
        say(room.store, WAVES, None)
        assert self.kinds(room.store) == {}

    @pytest.mark.parametrize("kind", [*KINDS, None])
    @pytest.mark.parametrize("before", [*KINDS, None])
    def test_taking_back_restores_what_stood(
        self, room: StillRoom, before: RuleKind | None, kind: RuleKind | None
    ) -> None:
        say(room.store, WAVES, before)
        stood = room.store.room.rules()
        room.clock.advance(5)
        take_back(room.store, say(room.store, WAVES, kind))
        assert room.store.room.rules() == stood

    def test_a_bed_that_was_sent_away_by_mistake_is_fetched_back(self, room: StillRoom) -> None:
        take_back(room.store, say(room.store, WAVES, "ban", sounding=True))
        assert self.kinds(room.store) == {WAVES: ["pin"]}
        room.clock.advance(BACK_S)
        assert self.kinds(room.store) == {}

    @pytest.mark.parametrize(("number", "kind", "sounding"), [(1, "skip", True), (0, "skip", False), (0, "pin", True)])
    def test_nothing_else_is_fetched(self, room: StillRoom, number: int, kind: RuleKind, sounding: bool) -> None:
        take_back(room.store, say(room.store, song_id(number), kind, sounding=sounding))
        assert self.kinds(room.store) == {}

    def test_a_song_that_is_gone_is_refused_and_nothing_is_told_the_cloud(self, room: StillRoom) -> None:
        with pytest.raises(InputError, match="choose another"):
            say(room.store, "unheard of", "ban")
        assert room.store.outbox.pending() == 0

    def test_a_file_of_the_houses_own_may_be_kept_too(self, room: StillRoom) -> None:
        mine = Song(SongId("mine"), "Mine", "soundscape", sha256="m" * 64, file_url=f"{LOCAL}mine.wav", pcm_path="/m")
        room.store.library.add_local(mine, loudness_lufs=None, true_peak_dbtp=None)
        say(room.store, "mine", "pin")
        assert self.kinds(room.store) == {"mine": ["pin"]}
        assert room.store.outbox.pending() == 0

    def test_the_songbook_is_the_queue_with_staffs_places_and_their_words(self, room: StillRoom) -> None:
        room.queue(3)
        say(room.store, FIRE_PLACE, "place")
        say(room.store, "song-16", "ban")
        room.store.room.solo(WAVES, SOLO_S)
        book = read_songbook(room.store)
        assert [one.id for one in book.queue] == [FIRE_PLACE, WAVES, PIANO, RAIN_ROOF]
        assert {(word.song.id, word.kind, word.until_s) for word in book.words} == {
            (FIRE_PLACE, "place", room.clock.boot + 3600), ("song-16", "ban", None)
        }  # fmt: skip

    def test_a_word_on_a_song_the_cloud_took_away_is_not_told(self, room: StillRoom) -> None:
        room.queue(2)
        say(room.store, WAVES, "ban")
        room.store.bucket.apply([BucketChange("songs", WAVES, "del")], epoch="still", rev=2)
        assert read_songbook(room.store).words == ()
        assert [one.id for one in read_songbook(room.store).queue] == [PIANO]
