"""A card is held to a PN532: the real reader process, the real player, and what is heard of it in the recording."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.chime import NOTES_HZ
from appliance.demo.emulated_tag import Tag
from appliance.demo.recording import read_all
from appliance.store import open_store
from checkin import tokens
from mixer.scene import SAMPLE_RATE
from ml.taste import Taste, learn
from tests.factories import FIRE, RAIN, profile_row, put, put_songs, song_row, uid
from tests.faults.listening import recorded_s
from tests.faults.real_box import RealBox, real_box
from tests.simulated_pn532 import SimulatedPN532
from tests.tones import level_db, sine_song

pytestmark = pytest.mark.processes

CARD = bytes.fromhex("04a1b2c3d4e5f6")
PEPPER = bytes(16)
FOND_OF_FIRE = reduce(lambda taste, vote: learn(taste, *vote), [(FIRE, 5), (RAIN, 2)] * 3, Taste.newcomer()).to_dict()
RAIN_HZ, FIRE_HZ = 440, 1500
LISTENED_S = 0.5


@pytest.fixture
def chip() -> Iterator[SimulatedPN532]:
    chip = SimulatedPN532()
    yield chip
    chip.unplug()


def test_a_card_at_the_reader_is_heard(tmp_path: Path, chip: SimulatedPN532) -> None:
    with real_box(tmp_path, COSOUND_READER=chip.port, COSOUND_FADE_S="0.2") as box:
        furnish(box)
        box.start("player", "nfc").up()
        box.until(lambda: state_of(box, chip.port) == "ready", "the PN532")
        before, tapped_s = levels(box), recorded_s(box.recording)
        chip.tag = Tag(CARD)
        box.until(lambda: box.read("select outcome from taps"), "the tap's row")
        box.until(lambda: box.runtime.read("player")["here"] == 1, "the player's notice of it")
        after = levels(box)
        chip.tag = None
    assert box.runtime.read("reader")["last"]["name"] == "Heron"
    assert after["fire"] > before["fire"] + 1
    assert after["rain"] < before["rain"] - 1
    sound = read_all(box.recording)
    assert chime_db(sound[round(tapped_s * SAMPLE_RATE) :]) > chime_db(sound[: round(tapped_s * SAMPLE_RATE)]) + 20


def furnish(box: RealBox) -> None:
    """Two songs, a tone each, and a listener the cloud has told of, by their card."""
    store = open_store(box.data, box.folder / "run", "maker")
    put_songs(store, song_row(1, embedding=RAIN), song_row(2, embedding=FIRE), ready=False)
    for number, hz in ((1, RAIN_HZ), (2, FIRE_HZ)):
        store.library.set_ready(uid(number), sine_song(box.folder, number, hz))
    key = tokens.key_hash(PEPPER, "nfca", CARD)
    heron = [
        put("profiles", uid(7), profile_row(uid(7), "Heron", FIRE, 1) | {"taste_state": FOND_OF_FIRE}),
        put("tags", key, {"key_hash": key, "key_version": 1, "profile_id": uid(7)}),
    ]
    store.bucket.apply(heron, epoch="e", rev=1)
    store.close()


def state_of(box: RealBox, where: str) -> str:
    readers = box.runtime.read("reader").get("readers", ())
    return next((reader["state"] for reader in readers if reader["where"] == where), "")


def chime_db(sound: NDArray[np.float32]) -> float:
    """The loudest tenth of a second at the chime's second note."""
    tenth = SAMPLE_RATE // 10
    return max(
        level_db(sound[at : at + tenth], round(NOTES_HZ["in"][1], -1)) for at in range(0, len(sound) - tenth, tenth)
    )


def levels(box: RealBox) -> dict[str, float]:
    """How loud each tone is a second from now, when fades are over: the median of five tenths of a second."""
    from_s = recorded_s(box.recording) + 1.0
    box.until(lambda: recorded_s(box.recording) > from_s + LISTENED_S, "the recording")
    sound = read_all(box.recording)[round(from_s * SAMPLE_RATE) :][: round(LISTENED_S * SAMPLE_RATE)]
    tenths = np.split(sound, 5)
    tones = {"rain": RAIN_HZ, "fire": FIRE_HZ}
    return {name: float(np.median([level_db(tenth, hz) for tenth in tenths])) for name, hz in tones.items()}
