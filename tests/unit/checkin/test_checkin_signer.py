"""Blank cards made to sign, by nfcpy's real code over simulated air and a simulated PN532, and NXP's own vectors."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from nfc.tag.tt4 import Type4ATag

import nfc
from appliance.demo.air import Air
from appliance.demo.emulated_tag import Tag, classic, sticker
from appliance.errors import InputError, TransientError
from checkin.desk import write_signer
from checkin.message import records_of, uri_message
from checkin.nfcpy_driver import NfcpyDriver
from checkin.programming import programme_of
from checkin.secure import Refused, Session, authenticate, check_sum
from checkin.signer import make_sign
from checkin.sun import Proof, SunKeys, read
from tests.blank_ntag424 import RATS, BlankNtag424
from tests.emulated_ntag424 import Ntag424
from tests.simulated_pn532 import SimulatedPN532

CLOUD = "https://cosound.example"
KEYS = SunKeys(3, bytes(range(16)), bytes(range(16, 32)))
UID = bytes.fromhex("04A1B2C3D4E5F6")
SHOP = uri_message("https://shop.example/" + "x" * 80)
SHOP = len(SHOP).to_bytes(2, "big") + SHOP
ZERO = bytes(16)
ROUNDS = 5000
hexed = bytes.fromhex


class Script:
    """A card that says what AN12196 has it say, to exactly what it has it asked."""

    def __init__(self, *lines: tuple[int, str, int, str]) -> None:
        self._lines = list(lines)

    def __call__(self, command: int, data: bytes) -> tuple[int, bytes]:
        expected, asked, status, answer = self._lines.pop(0)
        assert (command, data.hex().upper()) == (expected, asked)
        return status, hexed(answer)


HELLO = (
    (0x71, "0000", 0xAF, "A04C124213C186F22399D33AC2A30215"),
    (0xAF, "35C3E05A752E0144BAC0DE51C1F22C56B34408A23D8AEA266CAB947EA8E0118D", 0x00,
     "3FA64DB5446D1F34CD6EA311167F5E4985B89690C04A05F17FA7AB2F08120663"),
)  # fmt: skip
SETTINGS = (0x5F, "0261B6D97903566E84C3AE5274467E89EAD799B7C1A0EF7A04", 0x00, "57BFF87B1241E93D")
KEY_2 = (0xC4, "022CF362B7BF4311FF3BE1DAA295E8C68DE09050560D19B9E16C2393AE9CD1FAC75D0CE20BCD1D06E6", 0x00,
         "203BB55D1089D587")  # fmt: skip
KEY_0 = (0xC4, "00C0EB4DEEFEDDF0B513A03A95A75491818580503190D4D05053FF75668A01D6FDA6610234BDED6432", 0x00, "")


def their_dice(count: int) -> bytes:
    return hexed("13C5DB8A5930439FC3DEF9A4C675360F")[:count]


def test_we_and_the_card_agree_as_table_14_has_it() -> None:
    session = authenticate(Script(*HELLO), 0, ZERO, their_dice)
    assert session is not None
    assert session.encrypts == hexed("1309C877509E5A215007FF0ED19CA564")
    assert session.signs == hexed("4C6626F5E72EA694202139295C7A7FC7")
    assert session.name == hexed("9D00C4DF")


def test_settings_are_changed_as_table_19_has_it() -> None:
    session = authenticate(Script(*HELLO, SETTINGS), 0, ZERO, their_dice)
    assert session is not None
    session.counter = 1
    session.change_settings(2, hexed("4000E0C1F121200000430000430000"))


def test_keys_are_changed_as_tables_26_and_27_have_it() -> None:
    assert check_sum(hexed("F3847D627727ED3BC9C4CC050489B966")) == hexed("789DFADC")
    session = Session(Script(KEY_2, KEY_0), 0, hexed("4CF3CB41A22583A61E89B158D252FC53"),
                      hexed("5529860B2FC5FB6154B7F28361D30BF9"), hexed("7614281A"), 2)  # fmt: skip
    session.change_key(2, hexed("F3847D627727ED3BC9C4CC050489B966"), ZERO, 1)
    session.change_key(0, hexed("5004BF991F408672B1EF00F08F9E8647"), ZERO, 1)


def test_who_does_not_know_the_key_is_no_card_of_ours() -> None:
    """It opens no session with a made-up answer, and none of its answers is believed with a false signature."""
    false = (*HELLO[1][:3], "00" * 32)
    with pytest.raises(Refused):
        authenticate(Script(HELLO[0], false), 0, ZERO, their_dice)
    session = authenticate(Script(*HELLO, (*SETTINGS[:3], "57BFF87B1241E93E")), 0, ZERO, their_dice)
    assert session is not None
    session.counter = 1
    with pytest.raises(Refused):
        session.change_settings(2, hexed("4000E0C1F121200000430000430000"))


@pytest.fixture(params=[Air, SimulatedPN532])
def field(request: pytest.FixtureRequest) -> Iterator[Air | SimulatedPN532]:
    made = request.param()
    yield made
    made.close() if isinstance(made, Air) else made.unplug()


@pytest.fixture
def air() -> Iterator[Air]:
    air = Air()
    yield air
    air.close()


def where(field: Air | SimulatedPN532) -> str:
    return field.where if isinstance(field, Air) else field.port


def heard(field: Air | SimulatedPN532) -> Proof | None:
    driver = NfcpyDriver(where(field), signing=True)
    driver.open()
    seen = driver.poll(0.1)
    driver.close()
    records = records_of(seen.ndef) if seen else ()
    return read([KEYS], records[0].value) if records else None


def test_a_card_from_the_shop_signs_and_has_keys_of_its_own(field: Air | SimulatedPN532) -> None:
    field.tag = card = BlankNtag424(UID)
    write_signer(where(field), KEYS, CLOUD, print)
    assert heard(field) == Proof(UID, 2, 3), "the first was ours, to see whether it signs"
    assert card.keys[:3] == [KEYS.guard_of_card(UID), KEYS.meta, KEYS.of_card(UID)]
    assert len({*card.keys[:3], ZERO}) == 4


def test_it_is_left_alone_once_it_is_made(air: Air) -> None:
    air.tag = card = BlankNtag424(UID)
    write_signer(air.where, KEYS, CLOUD, print)
    before = (list(card.keys), bytes(card.file), card.settings)
    with pytest.raises(InputError, match="signs already"):
        write_signer(air.where, KEYS, CLOUD, print)
    assert (card.keys, bytes(card.file), card.settings) == before


def test_pulled_away_at_any_moment_it_is_continued(air: Air, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as the card is torn away in mid-word, the next try ends with a card that signs."""
    torn = 0
    for after in range(60):
        air.tag = card = BlankNtag424(UID, pulled_after=after)
        card.file[: len(SHOP)] = SHOP
        try:
            write_signer(air.where, KEYS, CLOUD, print)
            break
        except TransientError as error:
            torn += 1
            assert "hold it" in str(error)
        card.pulled_after = None
        whole = [bytes(2), SHOP, programme_of(KEYS, CLOUD, UID).file]
        assert any(card.file.startswith(file) for file in whole), "an address is there as a whole or not at all"
        if card.keys[0] == ZERO:
            write_signer(air.where, KEYS, CLOUD, print)
        proof = heard(air)
        assert proof is not None and proof.uid == UID
        assert card.keys[0] == KEYS.guard_of_card(UID)
    assert torn > 20


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (sticker(UID), "no NTAG 424"),
        (classic(b"\x01\x02\x03\x04"), "no NTAG 424"),
        (Ntag424(KEYS, CLOUD, UID, shows="random"), "no NTAG 424"),
        (Ntag424(KEYS, CLOUD, UID), "no NTAG 424"),
        (BlankNtag424(UID, speaks_lrp=True), "LRP"),
    ],
    ids=["a sticker", "a Classic", "hides its number", "another chip with files", "in LRP mode"],
)
def test_what_cannot_be_made_to_sign_is_refused_in_a_sentence(air: Air, tag: Tag, words: str) -> None:
    air.tag = tag
    with pytest.raises(InputError, match=words):
        write_signer(air.where, KEYS, CLOUD, print)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_somebody_elses_card_is_not_touched(air: Air, number: int) -> None:
    air.tag = card = BlankNtag424(UID)
    card.keys[number] = b"somebody else's!"
    with pytest.raises(InputError, match="other keys"):
        write_signer(air.where, KEYS, CLOUD, print)
    assert not card.settings
    assert not any(card.file)


def test_nobody_came(air: Air) -> None:
    with pytest.raises(TransientError, match="no card came"):
        write_signer(air.where, KEYS, CLOUD, print, within_s=0.0)


class BadAir:
    """Between nfcpy's tag and the card: one answer of twelve comes with a bit flipped, short, or with a tail."""

    max_send_data_size = max_recv_data_size = 256

    def __init__(self, card: BlankNtag424, dice: random.Random) -> None:
        self.card, self.dice = card, dice

    def exchange(self, data: bytes, timeout: float) -> bytearray:
        answer = bytearray(self.card.answer(bytes(data)) or b"")
        if answer and data[0] != RATS and self.dice.random() < 1 / 12:
            kind = self.dice.randrange(3)
            if kind == 0:
                answer[self.dice.randrange(len(answer))] ^= 1 << self.dice.randrange(8)
            elif kind == 1:
                del answer[self.dice.randrange(len(answer)) :]
            else:
                answer += self.dice.randbytes(self.dice.randrange(1, 40))
        if not answer:
            raise nfc.clf.TimeoutError("silence")
        return answer


def test_bad_air_ends_in_a_sentence_and_never_in_a_half_made_card_that_passes_for_one() -> None:
    """Seeded. Whatever comes back, the card is made, or somebody is told; one that cannot be undone was made whole."""
    dice, made = random.Random(424), 0
    for _ in range(ROUNDS):
        card = BlankNtag424(UID)
        target = nfc.clf.RemoteTarget("106A", sens_res=bytearray(b"\x44\x00"), sel_res=bytearray(b"\x20"),
                                      sdd_res=bytearray(UID))  # fmt: skip
        try:
            make_sign(Type4ATag(BadAir(card, dice), target), KEYS, CLOUD)
            made += 1
        except (InputError, TransientError) as error:
            assert "\n" not in str(error)
        if card.keys[0] != ZERO:
            assert card.keys[:3] == [KEYS.guard_of_card(UID), KEYS.meta, KEYS.of_card(UID)]
            made_file = programme_of(KEYS, CLOUD, UID)
            assert card.file.startswith(made_file.file)
            assert card.settings == made_file.settings
    assert ROUNDS / 100 < made < ROUNDS / 2
