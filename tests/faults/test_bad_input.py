"""Rubbish in: one clear line each (what, where, what to do), everything else goes on, no trace reaches a person."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.factories import uid
from tests.faults.real_box import RealBox, real_box
from tests.faults.real_cloud import RealCloud, real_cloud

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cloud() -> Iterator[RealCloud]:
    with TemporaryDirectory(prefix="cosound-c-") as folder, real_cloud(Path(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def box(cloud: RealCloud) -> Iterator[RealBox]:
    """Playing, with a token that the cloud does not know."""
    env = {**cloud.box_env, "PLAYER_TOKEN": "csp_00000000_" + "A" * 43}
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_box(Path(folder), **env) as made:
        yield made.with_songs().start("player", "nfc", "sync").up()


def one_line(box: RealBox, *arguments: str, **env: str) -> str:
    """What the command says on stderr: one line, exit code 2."""
    done = box.run(*arguments, env=env)
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tap", "zz"), "hex"),
        (("tap", ""), "empty"),
        (("tap", "00000000"), "zeros"),
        (("tap", "04" * 11), "11 bytes"),
        (("vote", "0", "--as", "{name}"), "1 (no) to 5 (yes)"),
        (("vote", "6", "--as", "{name}"), "1 (no) to 5 (yes)"),
        (("vote", "NaN"), "NaN"),
        (("vote", "true"), "true"),
        (("vote", "4.5"), "4.5"),
        (("vote", "5", "--as", "Nobody Known"), "is not here"),
        (("vote", "5", "--as", "{name}", "--song", "No such song"), "no song"),
        (("vote", "5", "--as", "{name}", "--song", "Quiet one"), "did not play here"),
        (("vote",), "Missing argument"),
        (("vote", "5", "--loud"), "--loud"),
        (("play",), "play"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_with_rubbish_is_one_line(box: RealBox, arguments: tuple[str, ...], says: str) -> None:
    filled = [argument.replace("{name}", name_of_one_who_is_here(box)) for argument in arguments]
    assert says in one_line(box, *filled)
    assert box.sounding()


def name_of_one_who_is_here(box: RealBox) -> str:
    """Somebody taps in, once; and there is a song that never sounds."""
    if not box.taps():
        box.tap_and_see(1)
        from appliance.store import open_store

        store = open_store(box.data, box.folder / "run", "hand")
        with store.db.write() as conn:
            conn.execute("insert into songs (id, title, type) values (?, 'Quiet one', 'soundscape')", (uid(99),))
        store.close()
    return str(box.read("select display_name from profiles")[0][0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sound]\nfade = 3\n", "did you mean 'sound.fade_s'"),
        ("[sond]\nfade_s = 3\n", "did you mean 'sound.fade_s'"),
        ("[sound]\nfade_s = 'long'\n", "must be a number"),
        ("[sound]\nbeds = 2.5\n", "must be a whole number"),
        ("[sound]\nbeds = true\n", "must be a whole number"),
        ("[sound]\nbeds = 100\n", "must be 1 … 12"),
        ("[sound]\nfade_s = nan\n", "must be 0.05"),
        ("[taste]\nrule = 'best'\n", "one of bayes, v1"),
        ("[room]\ncloses = '25:00'\n", "HH:MM"),
        ("[cloud]\nurl = 'example.org'\n", "http"),
        ("sound\n", "not valid TOML"),
        ("\x00\xff", "cosound.toml"),
    ],
    ids=lambda value: repr(value) if "=" in value else "",
)
def test_a_configuration_with_rubbish_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    with real_box(tmp_path) as box:
        (tmp_path / "cosound.toml").write_bytes(text.encode("latin-1"))
        assert says in one_line(box, "status")


def test_noise_on_the_line_of_taps_is_said_once_and_taps_go_on(box: RealBox) -> None:
    before = box.log("nfc").count("\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hand:
        for noise in (b"", b"\xff" * 400, b"{}", b"[" * 500, b"x" * 5000, json.dumps({"tap_id": 1}).encode()):
            hand.sendto(noise, str(box.folder / "run" / "tap"))
    box.tap_and_see(2)
    assert box.log("nfc").count("\n") == before + 1


def test_a_phone_with_a_random_number_is_a_tap_of_nobody(box: RealBox) -> None:
    done = box.run("tap", "08a1b2c3")
    assert (done.returncode, done.stderr) == (0, "")
    assert box.read("select profile_id from taps where outcome = 'phone'") == [(None,)]


def test_a_wrong_token_is_said_and_the_box_plays_on(box: RealBox) -> None:
    box.until(lambda: box.runtime.read("sync").get("why", "not asked yet") != "not asked yet", "a word of the link")
    state = json.loads(box.run("status", "--json").stdout)
    assert state["player"] == "playing"
    assert state["link"] == "down"
    assert "token" in state["link_why"]
    assert box.log("sync").count("\n") == 1, "said once"
    acknowledged = box.tap_and_see(3)
    assert box.read(f"select 1 from taps t join outbox o on o.op_id = t.op_id where t.id = '{acknowledged}'")


@pytest.mark.parametrize("value", ["0", "6", "-1", "4.5", "NaN", "Infinity", '"5"', "true", "null", "[5]", "1e400"])
def test_the_cloud_refuses_a_vote_of_rubbish(cloud: RealCloud, value: str) -> None:
    body = f'{{"song_id": "{cloud.found["songs"][0]["id"]}", "vote_value": {value}}}'
    reply = httpx.post(f"{cloud.url}/api/votes", content=body, headers=listener(cloud))
    assert reply.status_code == 422, reply.text
    assert "Traceback" not in reply.text


def test_the_cloud_refuses_a_vote_for_what_is_not_sounding(cloud: RealCloud) -> None:
    headers, room = listener(cloud), cloud.found["room"]
    sign = {"player_id": room["player_id"], "s": room["address"].partition("?s=")[2]}
    httpx.post(f"{cloud.url}/api/checkin", json=sign, headers=headers).raise_for_status()
    beat = {"boot_id": "b", "mono_ms": 1, "wall_ms": 1, "pending": 0, "audible": False, "version": "1"}
    box_key = {"X-API-Key": cloud.token}
    httpx.post(f"{cloud.url}/api/player/heartbeat", json=beat, headers=box_key).raise_for_status()
    body = {"song_id": cloud.found["songs"][0]["id"], "vote_value": 5}
    reply = httpx.post(f"{cloud.url}/api/votes", json=body, headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (409, "not_playing")


def listener(cloud: RealCloud) -> dict[str, str]:
    who = cloud.found["listeners"][0]
    login = {"email": who["email"], "password": who["password"]}
    reply = httpx.post(f"{cloud.url}/auth/v1/token?grant_type=password", json=login)
    return {"Authorization": f"Bearer {reply.json()['access_token']}", "Content-Type": "application/json"}
