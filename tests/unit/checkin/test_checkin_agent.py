from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.errors import StoreBusy, TransientError
from appliance.model import TapResult
from appliance.readers import readers_now
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.tapline import send_tap
from checkin import tokens
from checkin.agent import Agent
from checkin.feedback import Answer, Lamps
from checkin.keyring import Keyring
from checkin.message import uri_message
from checkin.reader import TagRead
from checkin.scripted import ScriptedReader
from checkin.socket_reader import SocketReader

PEPPER = bytes(range(32))
KEYS = Keyring(((1, PEPPER),))
CLOUD = "https://cosound.example"
A = TagRead(bytes.fromhex("04a1b2c3d4e5f6"), "nfca")
B = TagRead(bytes.fromhex("04ffeeddccbbaa"), "nfca")
PHONE = TagRead(bytes.fromhex("08123456"), "nfca", random_uid=True)


class Answers(Lamps):
    """Lamps that note what they were to show."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Answer] = []

    def show(self, answer: Answer) -> None:
        self.shown.append(answer)


class LitReader(ScriptedReader):
    """A reader with a light of its own."""

    def __init__(self, script: list[tuple[float, TagRead]], now_s: Callable[[], float]) -> None:
        super().__init__(script, now_s)
        self.shown: list[tuple[float, Answer]] = []
        self._clock = now_s

    def show(self, answer: Answer) -> None:
        self.shown.append((self._clock(), answer))


class Box:
    """The reader process in one thread, on a clock moved by hand."""

    def __init__(self, folder: Path, script: list[tuple[float, TagRead]], *, readers_show: bool = False) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.store: Store = open_store(folder / "data", folder / "run", "nfc", self.clock)
        self.runtime = Runtime(folder / "run")
        self.closing_s: float | None = None
        self.lamps = Answers()
        self.reader = LitReader(script, self.clock.boot_s)
        drivers = [self.reader, SocketReader(folder / "run")]
        self.agent = Agent(
            self.store, self.runtime, KEYS, drivers, closing_s=lambda: self.closing_s, cloud_url=f"{CLOUD}/",
            lamps=self.lamps, readers_show=readers_show,
        )  # fmt: skip

    def run(self, seconds: float, every_s: float = 0.1) -> list[TapResult]:
        results = []
        end_s = self.clock.boot_s() + seconds
        while self.clock.boot_s() < end_s:
            self.agent.attend()
            results += self.take()
            self.clock.advance(every_s)
        return results

    def take(self) -> list[TapResult]:
        return [result for result in (self.agent.step(0.0) for _ in range(8)) if result]

    def close(self) -> None:
        self.agent.stop()
        self.store.close()


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Box]]:
    monkeypatch.setattr("checkin.attendant.LISTEN_S", 0.0)
    made: list[Box] = []

    def make(*script: tuple[float, TagRead], readers_show: bool = False) -> Box:
        made.append(Box(tmp_path, list(script), readers_show=readers_show))
        return made[-1]

    yield make
    for one in made:
        one.close()


def outcomes(results: list[TapResult]) -> list[str]:
    return [result.outcome for result in results]


def test_in_stay_out_and_in_again(box: Callable[..., Box]) -> None:
    results = box((0, A), (5, A), (30, A), (40, A)).run(50)
    assert outcomes(results) == ["in", "stay", "out", "in"]
    assert [result.new_listener for result in results] == [True, False, False, False]
    assert len({result.listener.id for result in results if result.listener}) == 1


def test_a_card_left_lying_while_the_process_starts_anew_takes_nobody_away(
    box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update, a crash or a hung driver starts it anew; until the card is lifted and held out, its owner is here."""
    monkeypatch.setattr(LitReader, "continuous", True)
    first = box((0, A))
    first.run(5)
    first.close()
    one = box(*((at / 10, A) for at in range(20)), (30, A))
    one.clock.advance(1800)
    assert outcomes(one.run(10)) == ["stay"]
    assert one.store.people.here() == 1
    assert outcomes(one.run(30)) == ["out"]


def test_two_cards_are_two_people(box: Callable[..., Box]) -> None:
    results = box((0, A), (0.2, B)).run(2)
    assert [result.here for result in results] == [1, 2]
    names = {result.listener.display_name for result in results if result.listener}
    assert len(names) == 2


def test_the_rooms_sticker_is_for_phones_and_nobodys_card(box: Callable[..., Box]) -> None:
    one = box((0, replace(A, ndef=uri_message(f"{CLOUD}/r/0b6c9b1e-7f0e-4c55-9d0e-1a2b3c4d5e6f?s=x"))))
    assert outcomes(one.run(2)) == ["phone"]
    assert one.store.db.count("select count(*) from tags") == 0


def test_a_copied_card_is_nobody_and_the_true_one_somebody(box: Callable[..., Box]) -> None:
    written = uri_message(tokens.sign_card_url(tokens.key_for(PEPPER, "card"), CLOUD, "heron-7", A.uid))
    assert outcomes(box((0, replace(B, ndef=written)), (1, replace(A, ndef=written))).run(3)) == ["in"]


def test_other_peoples_writing_is_none_of_our_business(box: Callable[..., Box]) -> None:
    foreign = uri_message("https://elsewhere.example/t/heron-7.AAAAAAAAAAAAAAAA")
    assert outcomes(box((0, replace(A, ndef=foreign)), (1, replace(B, ndef=b"\xd1\xff"))).run(3)) == ["in", "in"]


def test_a_phone_is_not_enrolled(box: Callable[..., Box]) -> None:
    one = box((0, PHONE))
    assert outcomes(one.run(2)) == ["phone"]
    assert one.store.db.count("select count(*) from profiles") == 0
    assert one.store.db.count("select count(*) from tags") == 0
    assert one.runtime.read("reader")["last"]["name"] is None


def test_the_card_is_known_by_its_keyed_hash_only(box: Callable[..., Box], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = box((0, A))
    one.run(2)
    assert one.store.db.value("select key_hash from tags") == tokens.key_hash(PEPPER, "nfca", A.uid)
    kept = "\n".join(one.store.db.conn.iterdump()) + caplog.text + str(one.runtime.read("reader"))
    assert A.uid.hex() not in kept.lower()


def test_the_taps_time_is_the_reads(box: Callable[..., Box]) -> None:
    one = box((0, A))
    one.agent.attend()
    one.agent.attend()
    read_ms = round(one.clock.boot_s() * 1000)
    one.clock.advance(3.0)
    one.take()
    assert one.store.db.value("select boot_ms from taps") == read_ms
    assert one.runtime.read("reader")["last"]["at_boot_s"] == read_ms / 1000


def test_readers_and_last_tap_are_shown(box: Callable[..., Box]) -> None:
    one = box((1, A))
    assert {reader["state"] for reader in one.runtime.read("reader")["readers"]} == {"absent"}
    (result,) = one.run(2)
    shown = one.runtime.read("reader")
    assert [reader["state"] for reader in shown["readers"]] == ["ready", "ready"]
    assert shown["readers"][0]["name"] == "scripted reader"
    assert shown["last"]["tap_id"] == result.tap_id
    assert shown["last"]["outcome"] == "in"
    assert result.listener is not None
    assert shown["last"]["name"] == result.listener.display_name


def test_a_readers_state_rings_for_the_screen(box: Callable[..., Box]) -> None:
    one = box()
    screen = open_store(one.folder / "data", one.folder / "run", "ui", one.clock)
    one.agent.attend(), one.agent.attend()  # it opens, then it answers
    screen.wait(0)
    assert not screen.wait(0)
    one.agent.step(0.0)
    assert screen.wait(0)
    assert one.runtime.read("reader")["readers"][0]["state"] == "ready"
    screen.close()


def test_it_beats_when_nothing_happens(box: Callable[..., Box]) -> None:
    one = box()
    one.run(0.3)
    one.clock.advance(60)
    told = one.runtime.read("reader")
    assert {reader["state"] for reader in readers_now(told, one.clock.boot_s())} == {"absent"}, "as after kill -9"
    one.agent.step(0.0)
    told = one.runtime.read("reader")
    assert told["boot_s"] == pytest.approx(one.clock.boot_s(), abs=0.01)
    assert {reader["state"] for reader in readers_now(told, one.clock.boot_s())} == {"ready"}


def test_a_typed_tap_is_stored_under_its_id_and_only_once(box: Callable[..., Box]) -> None:
    one = box()
    one.run(0.3)
    tap_id = send_tap(one.folder / "run", A.uid)
    assert outcomes(one.run(0.3)) == ["in"]
    one.clock.advance(60)
    send_tap(one.folder / "run", A.uid, tap_id=tap_id)
    (again,) = one.run(0.3)
    assert (again.tap_id, again.outcome) == (tap_id, "in")
    assert one.store.people.here() == 1
    assert one.store.db.count("select count(*) from taps") == 1


def test_a_tap_typed_twice_by_a_person_is_two_taps(box: Callable[..., Box]) -> None:
    one = box()
    one.run(0.3)
    send_tap(one.folder / "run", A.uid)
    send_tap(one.folder / "run", A.uid)
    assert outcomes(one.run(0.5)) == ["in", "stay"]


@pytest.mark.parametrize("uid", [b"", bytes(7), b"\x01" * 11])
def test_a_misread_is_dropped_and_said_once(
    box: Callable[..., Box], caplog: pytest.LogCaptureFixture, uid: bytes
) -> None:
    one = box((0, TagRead(uid, "nfca")), (5, TagRead(uid, "nfca")), (6, A))
    assert outcomes(one.run(10)) == ["in"]
    assert caplog.text.count("tag was ignored") == 1


def test_a_tap_survives_a_busy_store(box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch) -> None:
    one = box((0.15, A), (0.25, B))
    for _ in range(4):
        one.agent.attend()
        one.clock.advance(0.1)
    one.agent.step(0.0), one.agent.step(0.0)  # the readers' states
    with monkeypatch.context() as patch:
        patch.setattr("appliance.store.database.Database._begin", _held)
        for _ in range(3):
            with pytest.raises(StoreBusy):
                one.agent.step(0.0)
    results = one.take()
    assert outcomes(results) == ["in", "in"]


def _held(_database: object) -> None:
    raise StoreBusy("held by another process")


def test_no_stay_outlives_closing_time(box: Callable[..., Box]) -> None:
    one = box((0, A))
    one.closing_s = one.clock.boot_s() + 600
    one.run(1)
    assert one.store.people.here() == 1
    one.clock.advance(600)
    assert one.store.people.here() == 0


def test_threads_read_and_stop(tmp_path: Path) -> None:
    store = open_store(tmp_path / "data", tmp_path / "run", "nfc")
    agent = Agent(store, Runtime(tmp_path / "run"), KEYS, [SocketReader(tmp_path / "run")])
    agent.start()
    try:
        assert agent.step(5.0) is None, "the reader's state comes first"
        send_tap(tmp_path / "run", A.uid)
        result = agent.step(5.0)
        assert result is not None
        assert result.outcome == "in"
    finally:
        agent.stop()
        store.close()
    assert not (tmp_path / "run" / "tap").exists()
    assert [reader["state"] for reader in Runtime(tmp_path / "run").read("reader")["readers"]] == ["absent"]


def test_every_outcome_is_shown(box: Callable[..., Box]) -> None:
    written = uri_message(tokens.sign_card_url(tokens.key_for(PEPPER, "card"), CLOUD, "heron-7", A.uid))
    copy = replace(B, ndef=written)
    one = box((0, A), (5, A), (30, A), (35, PHONE), (40, copy), readers_show=True)
    one.run(50)
    assert one.lamps.shown == ["in", "in", "out", "phone", "refused"]
    assert one.runtime.read("reader")["turned_away"] == {"why": "copy", "at_boot_s": pytest.approx(1040, abs=0.2)}
    assert [answer for _, answer in one.reader.shown] == one.lamps.shown


def test_a_tap_that_the_disk_refuses_is_shown_as_refused(box: Callable[..., Box]) -> None:
    one = box((0, A))
    one.agent.attend()
    one.take()
    one.store.db.conn.execute("pragma query_only=1")
    with pytest.raises(TransientError):
        one.run(1)
    one.store.db.conn.execute("pragma query_only=0")
    assert one.lamps.shown == ["refused"]
    assert one.runtime.read("reader")["turned_away"]["why"] == "disk"


def test_the_readers_light_answers_at_its_next_look_and_for_its_own_taps_only(box: Callable[..., Box]) -> None:
    one = box((1, A), readers_show=True)
    one.run(2, every_s=0.06)
    ((shown_s, answer),) = one.reader.shown
    read_s = one.store.db.value("select boot_ms from taps") / 1000
    assert answer == "in"
    assert shown_s - read_s <= 0.2
    send_tap(one.folder / "run", B.uid)
    one.run(1)
    assert one.lamps.shown == ["in", "in"]
    assert len(one.reader.shown) == 1, "a typed tap is not this reader's"


def test_a_lamp_that_stays_dark_is_published(box: Callable[..., Box]) -> None:
    one = box((0, A))
    one.lamps.dark["led:cosound"] = "nothing is there"
    one.run(1)
    assert one.runtime.read("reader")["dark"] == {"led:cosound": "nothing is there"}


def test_a_readers_light_stays_as_it_is_unless_asked_for(box: Callable[..., Box]) -> None:
    one = box((0, A))
    one.run(2)
    assert one.reader.shown == []


def test_the_wait_of_a_step_can_be_ended(box: Callable[..., Box]) -> None:
    one = box()
    one.agent.wake()
    assert one.agent.step(1000.0) is None


def test_a_tap_that_the_disk_refuses_is_shown_and_never_counts(box: Callable[..., Box]) -> None:
    one = box((0.1, A), (5, B))
    one.agent.attend(), one.agent.attend()
    one.take()
    one.store.db.conn.execute("pragma query_only=1")
    with pytest.raises(TransientError, match="cannot be written"):
        one.run(1)
    one.store.db.conn.execute("pragma query_only=0")
    assert all("the last tap was not stored" in reader["why"] for reader in one.runtime.read("reader")["readers"])
    (result,) = one.run(6)
    assert result.here == 1, "the tap that was refused is gone"
    assert not any(reader["why"] for reader in one.runtime.read("reader")["readers"])
