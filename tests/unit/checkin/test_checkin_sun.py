"""Cards that sign: NXP's own vectors, what is refused, and true cards by the real reader code to the database."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.demo.air import Air
from appliance.model import TapResult
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from checkin import sun
from checkin.agent import Agent
from checkin.keyring import Keyring
from checkin.message import records_of, uri_message
from checkin.nfcpy_driver import NfcpyDriver
from checkin.programming import programme
from checkin.reader import TagRead
from checkin.scripted import ScriptedReader
from checkin.sun import Proof, SunKeys, diversified, parse_keys, read, signature
from checkin.writing import Judge, Nothing
from tests.emulated_ntag424 import Endless, Ntag424, said, sealed

CLOUD = "https://cosound.example"
KEYS = SunKeys(1, bytes(range(16)), bytes(range(16, 32)))
NEXT = SunKeys(2, bytes(range(32, 48)), bytes(range(48, 64)))
UID = bytes.fromhex("04A1B2C3D4E5F6")
ZERO = bytes(16)
FLIPS = 10_000
hexed = bytes.fromhex


@pytest.mark.parametrize(
    ("sealed", "uid", "counter", "data", "mac"),
    [
        ("EF963FF7828658A599F3041510671E88", "04DE5F1EACC040", 61, b"", "94EED9EE65337086"),
        ("FD91EC264309878BE6345CBE53BADF40", "04958CAA5C5E80", 8,
         b"CEE9A53E3E463EF1F459635736738962&cmac=", "ECC1E7F6C6C73BF6"),
    ],
)  # fmt: skip
def test_the_chips_own_vectors_with_a_sealed_number(sealed: str, uid: str, counter: int, data: bytes, mac: str) -> None:
    """AN12196, keys of zeros."""
    assert sun._opened(ZERO, hexed(sealed)) == (hexed(uid), counter)
    assert signature(ZERO, hexed(uid), counter, data) == hexed(mac)


def test_the_chips_own_vectors_with_an_open_number_and_another_key() -> None:
    assert signature(ZERO, hexed("041E3C8A2D6B80"), 6) == hexed("4B00064004B0B3D3")
    assert signature(hexed("5ACE7E50AB65D5D51FD5BF5A16B8205B"), hexed("04C767F2066180"), 1) == hexed("3ECB722DE23AE5BC")


def test_a_key_is_drawn_as_the_vector_of_an10922_says() -> None:
    drawn = diversified(hexed("00112233445566778899AABBCCDDEEFF"), hexed("04782E21801D803042F54E585020416275"))
    assert drawn == hexed("A8DD63A3B89D54B37CA802473FDA9175")
    with pytest.raises(ValueError, match="16 to 31"):
        diversified(ZERO, b"short")


def test_each_card_and_each_version_has_a_key_and_a_name_of_its_own() -> None:
    others = [UID[:-1] + b"\0", UID]
    assert len({keys.of_card(uid) for keys in (KEYS, NEXT) for uid in others}) == 4
    assert len({keys.key_hash(uid) for keys in (KEYS, NEXT) for uid in others}) == 4
    assert UID.hex() not in KEYS.key_hash(UID)


@given(uid=st.binary(min_size=7, max_size=7), counter=st.integers(0, (1 << 24) - 1), plain=st.booleans())
def test_what_a_card_says_is_believed(uid: bytes, counter: int, plain: bool) -> None:
    assert read([NEXT, KEYS], said(KEYS, CLOUD, uid, counter, plain=plain)) == Proof(uid, counter, 1)


@given(at=st.integers(0, 200), bit=st.integers(0, 7), plain=st.booleans())
def test_one_flipped_bit_and_it_is_not(at: int, bit: int, plain: bool) -> None:
    good = said(KEYS, CLOUD, UID, 77, plain=plain)
    start = good.index("/t?")
    at = start + at % (len(good) - start)
    bad = good[:at] + chr(ord(good[at]) ^ 1 << bit) + good[at + 1 :]
    same = bad.lower() == good.lower()  # hexadecimal digits may be written either way
    assert read([KEYS, NEXT], bad) == (Proof(UID, 77, 1) if same else None)


@given(st.text(max_size=200))
def test_anything_else_is_nothing(text: str) -> None:
    assert read([KEYS], text) is None
    assert read([KEYS], f"{CLOUD}/t?v=1&{text}") is None


@pytest.mark.parametrize(
    "address",
    [
        said(NEXT, CLOUD, UID, 1), said(replace(KEYS, version=2), CLOUD, UID, 1),
        said(replace(KEYS, meta=ZERO), CLOUD, UID, 1), said(KEYS, CLOUD, UID, 1) + "&x",
        said(KEYS, "javascript:alert(1)", UID, 1), "", "https://cosound.example/t?v=1",
    ],
    ids=["next version", "no version of ours", "sealed by another", "a tail", "no web address", "nothing", "torn"],
)  # fmt: skip
def test_another_key_or_another_form_is_nothing(address: str) -> None:
    assert read([KEYS], address) is None


def test_ten_thousand_flips_tears_and_floods_forge_nothing() -> None:
    """Of the words of a tag's message, down to the judge of what is written there."""
    dice, judge = random.Random(424), Judge(CLOUD, (bytes(32),), (KEYS, NEXT))
    good = [said(KEYS, CLOUD, UID, 77), said(KEYS, CLOUD, UID, 77, plain=True)]
    believed = 0
    for turn in range(FLIPS):
        wire = bytearray(uri_message(good[turn % 2]))
        for _ in range(dice.randint(1, 3)):
            wire[dice.randrange(len(wire))] ^= 1 << dice.randrange(8)
        if turn % 4 == 0:
            del wire[dice.randrange(len(wire)) :]
        meaning = judge.meaning(TagRead(UID, "nfca", ndef=bytes(wire)))
        if isinstance(meaning, Proof):  # the flips hit letters of hexadecimal digits, which may be large or small
            assert bytes(wire).lower() == uri_message(good[turn % 2]).lower()
            believed += 1
    assert believed < FLIPS / 50
    for flood in (dice.randbytes(1 << 16), uri_message(f"{CLOUD}/t?v=1&e=" + "0" * (1 << 16)), b"\xff" * (1 << 20)):
        assert judge.meaning(TagRead(UID, "nfca", ndef=flood)) == Nothing()


def test_keys_as_an_operator_writes_them() -> None:
    text = f"2:{NEXT.meta.hex()}:{NEXT.file.hex()}, 1:{KEYS.meta.hex()}:{KEYS.file.hex()}"
    assert parse_keys(text) == (NEXT, KEYS)
    assert parse_keys("") == ()
    for bad in ("1:ab:cd", "1", f"{text},{text}", f"x:{ZERO.hex()}:{ZERO.hex()}"):
        with pytest.raises(ValueError, match=r"must be|twice") as caught:
            parse_keys(bad)
        assert NEXT.file.hex() not in str(caught.value)
    assert NEXT.file.hex() not in repr(parse_keys(text))


@pytest.fixture
def air() -> Iterator[Air]:
    air = Air()
    yield air
    air.close()


@pytest.fixture
def driver(air: Air) -> Iterator[NfcpyDriver]:
    driver = NfcpyDriver(air.where, signing=True)
    driver.open()
    yield driver
    driver.close()


def address_on(tag: TagRead | None) -> str:
    assert tag is not None and tag.ndef
    return tag.ndef[5:].decode()


def test_the_reader_hears_a_card_out_once_while_it_lies_there(air: Air, driver: NfcpyDriver) -> None:
    air.tag = card = Ntag424(KEYS, CLOUD, UID)
    first = driver.poll(0.1)
    assert first is not None
    assert (first.uid, driver.poll(0.1)) == (UID, first)
    assert read([KEYS], "https://" + address_on(first)) == Proof(UID, 1, 1)
    assert card.counter == 1


def test_a_card_that_hides_its_number_is_known_by_its_word(air: Air, driver: NfcpyDriver) -> None:
    air.tag = card = Ntag424(KEYS, CLOUD, UID, shows="random")
    seen = [driver.poll(0.1) for _ in range(3)]
    assert len({tag.uid for tag in seen if tag}) > 1
    assert {address_on(tag) for tag in seen} == {address_on(seen[0])}
    assert (read([KEYS], "https://" + address_on(seen[0])), card.counter) == (Proof(UID, 1, 1), 1)


@pytest.mark.parametrize("after", range(6))
def test_pulled_away_in_mid_word_it_has_said_nothing(air: Air, driver: NfcpyDriver, after: int) -> None:
    air.tag = Ntag424(KEYS, CLOUD, UID, pulled_after=after)
    seen = driver.poll(0.1)
    assert seen is not None
    assert (seen.uid, seen.ndef) == (UID, b"")


@pytest.mark.parametrize("stalls", [False, True])
def test_a_card_without_end_is_left_alone(air: Air, driver: NfcpyDriver, stalls: bool) -> None:
    air.tag = Endless(KEYS, CLOUD, UID, stalls=stalls)
    seen = driver.poll(0.1)
    assert seen is not None
    assert (seen.uid, seen.ndef) == (UID, b"")


def test_without_keys_a_card_is_its_number(air: Air) -> None:
    driver = NfcpyDriver(air.where)
    driver.open()
    air.tag = card = Ntag424(KEYS, CLOUD, UID)
    seen = driver.poll(0.1)
    driver.close()
    assert (seen and seen.ndef, card.counter) == (b"", 0)


class Box:
    """A reader process without threads, over a store that stays when it is started again."""

    def __init__(self, folder: Path, *, keys: tuple[SunKeys, ...] = (KEYS,), peppers: tuple[tuple[int, bytes], ...] = (
        (1, bytes(range(32))),)) -> None:  # fmt: skip
        self.folder = folder
        self.clock = ManualClock()
        self.store: Store = open_store(folder / "data", folder / "run", "nfc", self.clock)
        self.keyring = Keyring(peppers, keys)

    def tap(self, tag: TagRead) -> TapResult | None:
        reader = ScriptedReader([(1.0, tag)], self.clock.boot_s)
        agent = Agent(self.store, Runtime(self.folder / "run"), self.keyring, [reader], cloud_url=CLOUD)
        results = []
        for _ in range(4):
            agent.attend()
            self.clock.advance(0.5)
        while (result := agent.step(0.0)) is not None or not agent._reports.empty():
            results.append(result)
        agent.stop()
        self.clock.advance(60)
        return next((result for result in results if result is not None), None)

    def signed(
        self, counter: int, keys: SunKeys = KEYS, uid: bytes = UID, shown: bytes | None = None
    ) -> TapResult | None:
        shown = uid if shown is None else shown
        written = uri_message(said(keys, CLOUD, uid, counter))
        return self.tap(TagRead(shown, "nfca", random_uid=shown[0] == 0x08 and len(shown) == 4, ndef=written))

    def ops(self, kind: str) -> list[dict[str, object]]:
        return [op.body for op in self.store.outbox.batch(100) if op.type == kind]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.store.close()


def outcome(result: TapResult | None) -> str | None:
    return result and result.outcome


def test_a_word_that_was_heard_before_is_not_heard_again_not_even_after_a_restart(box: Box) -> None:
    assert [outcome(box.signed(5)), outcome(box.signed(6))] == ["in", "out"]
    assert [outcome(box.signed(6)), outcome(box.signed(5))] == ["again", "again"]
    box.store.close()
    box.__init__(box.folder)  # type: ignore[misc]
    assert outcome(box.signed(6)) == "again"
    assert outcome(box.signed(7)) == "in"
    assert [op["counter"] for op in (*box.ops("enrol"), *box.ops("card"))] == [5, 6, 7]


def test_a_copy_of_the_number_is_not_the_card(box: Box) -> None:
    assert outcome(box.signed(5)) == "in"
    assert outcome(box.tap(TagRead(UID, "nfca"))) == "again"
    assert box.store.db.count("select count(*) from profiles") == 1


def test_a_copied_word_on_another_number_and_a_false_one_are_nobody(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    assert box.signed(5, shown=UID[:-1] + b"\0") is None
    assert box.signed(5, keys=replace(KEYS, file=ZERO)) is None
    assert "says what another card has signed" in caplog.text
    assert "no key of checkin.sun_keys" in caplog.text
    assert box.store.db.count("select count(*) from profiles") == 0


def test_a_hidden_number_is_the_same_person_as_a_shown_one(box: Box) -> None:
    first, second = box.signed(5), box.signed(6, shown=b"\x08abc")
    assert first is not None and second is not None
    assert (first.listener, second.outcome) == (second.listener, "out")


def test_a_card_that_was_once_not_heard_out_becomes_one_that_signs(box: Box) -> None:
    first = box.tap(TagRead(UID, "nfca"))
    second = box.signed(5)
    assert first is not None and second is not None
    assert first.listener == second.listener
    assert outcome(box.tap(TagRead(UID, "nfca"))) == "again"
    assert box.store.db.count("select count(*) from tags") == 1


def test_a_new_version_of_the_keys_keeps_the_person(box: Box) -> None:
    first = box.signed(5)
    box.keyring = replace(box.keyring, sun_keys=(NEXT, KEYS))
    second, third = box.signed(9), box.signed(1, keys=NEXT)
    assert first is not None and second is not None
    assert first.listener == second.listener
    assert outcome(third) == "again", "a chip keeps its counter when it gets new keys"
    fourth = box.signed(10, keys=NEXT)
    assert fourth is not None and fourth.listener == first.listener
    (renamed,) = [op for op in box.ops("card") if "new_hash" in op]
    assert (renamed["key_hash"], renamed["new_hash"]) == (KEYS.key_hash(UID), NEXT.key_hash(UID))


def test_a_counter_from_the_cloud_counts_and_never_falls(box: Box) -> None:
    box.signed(5)
    row = {"key_hash": KEYS.key_hash(UID), "profile_id": "p", "counter": 9}
    box.store.bucket._put_tag(row)
    assert box.store.db.value("select counter from tags") == 9
    box.store.bucket._put_tag({**row, "counter": 7})
    box.store.bucket._put_tag({**row, "counter": None})
    assert box.store.db.value("select counter from tags") == 9


def test_what_to_programme_is_said_so_that_the_card_will_be_believed() -> None:
    """The offsets are where a chip that follows them puts its words into the file."""
    lines = dict(line.split(": ", 1) for line in programme(KEYS, CLOUD, UID))
    message = uri_message(lines["address"])
    file = bytearray(len(message).to_bytes(2, "big") + message)
    for name, word in (
        ("PICCDataOffset", sealed(KEYS, UID, 3)),
        ("SDMMACOffset", signature(hexed(lines["key 2"]), UID, 3)),
    ):
        at, said_word = int(lines[name].split()[0]), word.hex().upper().encode()
        assert file[at : at + len(said_word)] == b"0" * len(said_word)
        file[at : at + len(said_word)] = said_word
    (record,) = records_of(bytes(file[2:]))
    assert read([KEYS], record.value) == Proof(UID, 3, 1)
    assert (lines["SDMMACInputOffset"], hexed(lines["key 1"])) == (lines["SDMMACOffset"], KEYS.meta)


def test_no_number_and_no_key_is_kept_or_logged(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    box.signed(5), box.signed(5), box.signed(5, shown=UID[:-1] + b"\0"), box.tap(TagRead(UID, "nfca"))
    kept = "\n".join(box.store.db.conn.iterdump()) + caplog.text + str(Runtime(box.folder / "run").read("reader"))
    for secret in (UID, KEYS.meta, KEYS.file, KEYS.of_card(UID)):
        assert secret.hex() not in kept.lower()
