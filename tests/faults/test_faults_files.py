"""Files that are not what they should be: a bit turned over on the way or on the card, or a stranger hands them out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from appliance.store import open_store
from mixer.pcm import HEADER_BYTES, PcmError, check_samples
from sync.partfile import sha256_of
from tests.faults.dice import dice, flip_a_bit
from tests.faults.fault_table import TIMES, FaultTable
from tests.faults.listening import longest_silence_s, recorded_s
from tests.faults.machine import Machine
from tests.faults.real_box import RealBox, now_s, real_box
from tests.faults.real_cloud import RealCloud, doubled_stays, real_cloud, settled
from tests.faults.sick_line import SickLine
from tests.faults.trap import open_trap

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

READY_SONGS = 4
LOST_FILES = 3
MOVED = ("301 Moved Permanently", "302 Found", "307 Temporary Redirect")
PORTAL = "a captive portal?"
DOWN = "the link to the cloud is down"
REFUSED = "came instead; it is fetched afresh"


@contextmanager
def box_with_music(folder: Path, line: SickLine, cloud: RealCloud) -> Iterator[RealBox]:
    """A room that sounds, by songs of the cloud's, over the line while that is well."""
    with real_box(folder, DJANGO_API_URL=line.url, PLAYER_TOKEN=cloud.token, COSOUND_BEDS="2") as box:
        box.start("sync").until(lambda: box.ready_songs >= READY_SONGS, "songs")
        box.start("player", "nfc").up()
        box.until(lambda: not to_fetch(box) and not to_prepare(box), "every song")
        yield box


@pytest.mark.timeout(240 + 120 * TIMES)
def test_a_bit_that_is_turned_over_on_the_way_is_never_kept(faults: FaultTable, machine: Machine) -> None:
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_cloud(Path(folder) / "cloud") as cloud:
        line = SickLine(cloud.url, dice("flipped bits"))
        with box_with_music(Path(folder), line, cloud) as box:
            from_s, acknowledged = recorded_s(box.recording), [box.tap_and_see(1)]
            for turn in range(TIMES):
                flipped = line.flipped
                line.become("flip")
                lose_files(box, dice(f"lost files {turn}"))
                acknowledged.append(box.tap_and_see(2 + turn))
                box.until(lambda: line.flipped > flipped + 1, "bits turned over")  # noqa: B023 - within the loop
                box.until(lambda: REFUSED in box.log("sync"), "the refusal")
                assert wrong_files(box) == []
                line.become("well")
                recovery_s = box.until(lambda: not to_fetch(box) and not to_prepare(box), "every file")
                assert wrong_files(box) == []
                settled(box, cloud)
                faults.note("download: a flipped bit", **facts(box, cloud, acknowledged), recovery_s=recovery_s)
            assert box.restarts == 0
            assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s
        line.close()
        assert doubled_stays(cloud.database) == 0


@pytest.mark.timeout(240 + 120 * TIMES)
def test_a_stranger_that_we_are_sent_on_to_learns_no_secret(faults: FaultTable, machine: Machine) -> None:
    """All that is asked is sent on, facts and files alike. It may be told which file we look for, and nothing else."""
    with (
        TemporaryDirectory(prefix="cosound-f-") as folder,
        real_cloud(Path(folder) / "cloud") as cloud,
        open_trap() as trap,
    ):
        line = SickLine(cloud.url)
        with box_with_music(Path(folder), line, cloud) as box:
            downs, from_s, acknowledged = box.log("sync").count(DOWN), recorded_s(box.recording), [box.tap_and_see(1)]
            for turn in range(TIMES * len(MOVED)):
                trap.kind = ("text/html", "application/octet-stream")[turn % 2]
                line.moved = (MOVED[turn % len(MOVED)], f"{trap.url}/login")
                heard = len(trap.heard)
                line.become("redirect")
                lose_files(box, dice(f"lost files of a redirect {turn}"))
                acknowledged.append(box.tap_and_see(2 + turn))
                box.until(lambda: box.link == "down" and PORTAL in box.link_why, "the reason")
                box.until(lambda: len(trap.heard) > heard + 2, "files asked of the stranger")  # noqa: B023 - here
                assert box.run("status").stdout.count(PORTAL) == 1
                line.become("well")
                recovery_s = box.until(lambda: box.link == "up", "the link again")
                box.until(lambda: not to_fetch(box) and not to_prepare(box), "every file")
                assert wrong_files(box) == []
                settled(box, cloud)
                faults.note("cloud: redirect to a stranger", **facts(box, cloud, acknowledged), recovery_s=recovery_s)
            assert box.log("sync").count(DOWN) == downs + turn + 1, "said once each time"
            assert [request for request in trap.heard if cloud.token.encode() in request] == []
            assert {request.split()[0] for request in trap.heard} == {b"GET"}, "no fact was told"
            assert box.restarts == 0
            assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s
        line.close()
        assert doubled_stays(cloud.database) == 0


@pytest.mark.timeout(240 + 240 * TIMES)
def test_a_bit_that_turns_over_on_the_card_is_found_and_put_right(faults: FaultTable, machine: Machine) -> None:
    """In a cache file's samples, where it would be heard and not seen, and in a file as it was fetched."""
    with TemporaryDirectory(prefix="cosound-f-") as folder, real_cloud(Path(folder) / "cloud") as cloud:
        line = SickLine(cloud.url)
        with box_with_music(Path(folder), line, cloud) as box:
            from_s, acknowledged = recorded_s(box.recording), [box.tap_and_see(1)]
            for turn in range(TIMES):
                rolled, damaged = dice(f"bits on the card {turn}"), damaged_files(box)
                (cache, _), (_, original) = rolled.sample(files_here(box), 2)
                box.kill("sync")  # it looks at all files after a start, and else within a day
                flip_a_bit(cache, rolled, HEADER_BYTES)
                flip_a_bit(original, rolled, 0)
                began_s = now_s()
                box.start("sync")
                acknowledged.append(box.tap_and_see(2 + turn))
                box.until(lambda: damaged_files(box) == damaged + 2, "both seen", 90)  # noqa: B023 - within the loop
                box.until(lambda: is_sound(cache) and not original.exists(), "both put right")  # noqa: B023 - as above
                recovery_s = now_s() - began_s
                assert f"damage   {damaged + 2} files" in box.run("status").stdout
                assert to_prepare(box) == [], "no song was away meanwhile"
                forget_song(box, original)
                box.until(lambda: not to_fetch(box) and not to_prepare(box), "the file, fetched again")
                assert wrong_files(box) == []
                settled(box, cloud)
                faults.note("wrong bits in files here", **facts(box, cloud, acknowledged), recovery_s=recovery_s)
            assert longest_silence_s(box.recording, from_s) < machine.bearable_gap_s
        line.close()
        assert doubled_stays(cloud.database) == 0


def facts(box: RealBox, cloud: RealCloud, taps: list[str]) -> dict[str, list[str]]:
    """What was acknowledged by these taps, and what of it the cloud has, each as often as it counted."""
    ops = box.ops_of(taps)
    return {"acknowledged": ops, "found": [op for op in cloud.ops() if op in ops]}


def files_here(box: RealBox) -> list[tuple[Path, Path]]:
    """(cache file, original) of each song."""
    both = "select pcm_path, media_path from songs where pcm_path is not null and media_path is not null"
    return [(Path(cache), Path(original)) for cache, original in box.read(both)]


def to_prepare(box: RealBox) -> list[object]:
    return box.read("select id from songs where pcm_path is null")


def damaged_files(box: RealBox) -> int:
    return sum(int(row[0]) for row in box.read("select value from sync_state where key = 'damaged_files'"))


def is_sound(cache: Path) -> bool:
    try:
        return bool(list(check_samples(cache)))
    except PcmError:
        return False


def forget_song(box: RealBox, original: Path) -> None:
    """What was made of it, too, so that the original is needed again."""
    with closing(open_store(box.data, box.folder / "run", "hand")) as store:
        for song in store.library.with_files():
            if song.sha256 == original.stem:
                store.library.set_ready(song.id, None)


def lose_files(box: RealBox, rolled: Random) -> None:
    """Of songs that do not sound; the agent fetches them again."""
    sounding = {strip["song_id"] for strip in box.runtime.read("player")["strips"] if strip}
    with closing(open_store(box.data, box.folder / "run", "hand")) as store:
        idle = [song for song in store.library.ready() if song.id not in sounding and song.media_path]
        for song in rolled.sample(idle, LOST_FILES):
            with store.db.write():  # at once: nobody begins to prepare it between
                store.library.set_ready(song.id, None)
                store.library.set_media(song.id, None)
            Path(str(song.media_path)).unlink()


def to_fetch(box: RealBox) -> list[object]:
    return box.read("select id from songs where media_path is null")


def wrong_files(box: RealBox) -> list[str]:
    """Those under their final name that are not what the name says."""
    whole = [file for file in (box.data / "media").iterdir() if file.suffix not in (".part", ".etag")]
    return [file.name for file in whole if sha256_of(file) != file.stem]
