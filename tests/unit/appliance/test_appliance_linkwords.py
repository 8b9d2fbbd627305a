from __future__ import annotations

from typing import Any

import pytest

from appliance.linkwords import duration, files_words, link_facts, link_lines, sync_now


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "59 min"), (11_100, "3 h 5 min"), (187_200, "2 d 4 h")],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def told(**published: Any) -> list[str]:
    facts = link_facts({"boot_s": 100.0, **published}, 100.0, 1_000_000.0)
    return link_lines({**facts, "pending": published.get("pending", 0), "dead_letters": 0})


def test_what_is_not_known_is_not_said() -> None:
    assert told(link="none", why="no cloud.url is set") == ["link     none (no cloud.url is set)", "pending  0"]
    assert told(link="up", link_since_boot_s=60.0, last_contact_boot_s=98.0) == [
        "link     up for 40 s, last contact 2 s ago",
        "pending  0",
    ]
    assert told(link="down", why="not asked yet", link_since_boot_s=99.0, last_contact_boot_s=None) == [
        "link     down for 1 s (not asked yet)",
        "pending  0",
    ]


def test_a_process_that_fell_silent_has_no_link_for_the_screen() -> None:
    """One that was killed leaves its last word behind."""
    said = {"link": "up", "boot_s": 100.0, "pending": 2}
    assert sync_now(said, 110.0) == said
    assert sync_now(said, 116.0) == {**said, "link": "down", "why": "the sync process is silent"}
    assert sync_now({}, 5.0) == {} and sync_now({"link": "up"}, 5.0) == {"link": "up"}


def test_a_clock_that_was_set_back_makes_nothing_older_than_it_is() -> None:
    assert told(link="up", pending=2, pending_since_wall_ms=2_000_000_000)[1] == "pending  2"
    assert told(link="up", pending=2, pending_since_wall_ms=999_880_000)[1] == "pending  2, the oldest for 2 min"


def test_progress_ends_when_nothing_is_to_come_and_has_no_end_while_nothing_comes() -> None:
    facts = {"files_to_go": 2, "bytes_to_go": 5_000_000, "bytes_per_s": 0}
    assert files_words(facts) == "; 2 files to fetch, 5.0 MB"
    assert files_words({**facts, "files_to_go": 0}) == ""
