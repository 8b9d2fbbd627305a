"""Taking one's taste along, on the glass: the code to scan, and the digits to type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Panel

pytestmark = pytest.mark.processes


@pytest.fixture
def keeping(panel: Panel) -> Panel:
    return go_there(panel, "up")


def go_there(panel: Panel, link: str) -> Panel:
    """Somebody has tapped, with the cloud in reach or not, and pressed the key."""
    panel.room.runtime.publish("sync", {"link": link, "pending": 0})
    panel.room.pass_time(3700)
    panel.room.play(3, "a reason")
    panel.glass.wait_for("playing")
    panel.room.tap("keeper")
    panel.glass.wait_for("face-5")
    panel.glass.open("keep", "keep-pad")
    return panel


def links(panel: Panel) -> list[tuple[str, dict[str, Any]]]:
    rows = panel.room.store.db.rows("select op_id, body from outbox where type = 'link' order by seq")
    return [(row["op_id"], json.loads(row["body"])) for row in rows]


def type_in(panel: Panel, digits: str) -> None:
    """Type all but the last digit, seeing each, and the last one until they are asked about."""
    for count, digit in enumerate(digits[:-1], start=1):
        places = digits[:count].ljust(6, "–")
        panel.glass.open(f"keep-{digit}", "keep-digits", f"{places[:3]} {places[3:]}")
    panel.glass.open(f"keep-{digits[-1]}", "keep-message", panel.texts.keep_asking)


@pytest.mark.every_panel
def test_the_code_is_offered_at_once_and_everything_is_on_the_glass(keeping: Panel) -> None:
    assert set(links(keeping)[-1][1]) == {"profile_id", "token_hash"}
    for name in ("keep-title", "keep-qr", "keep-scan", "keep-back", "keep-digits", "keep-clear", "keep-1", "keep-0"):
        x, y, width, height = keeping.glass.place(name)
        assert min(x, y) >= 0, name
        assert x + width <= keeping.width, name
        assert y + height <= keeping.height, name
    for name in ("keep-back", "keep-clear", "keep-1"):
        assert min(keeping.glass.place(name)[2:]) >= 47.5, name
    keeping.glass.shut("keep-back", "keep-pad")


def test_six_digits_are_asked_about_and_answered(keeping: Panel) -> None:
    store = keeping.room.store
    type_in(keeping, "042424")
    op_id, body = links(keeping)[-1]
    assert body["code"] == "042424"
    store.outbox.settle([(op_id, "rejected:unknown_code")])
    keeping.glass.wait_for("keep-message", keeping.texts.keep_wrong)
    type_in(keeping, "042425")
    store.outbox.settle([(links(keeping)[-1][0], "applied")])
    keeping.glass.wait_for("keep-message", keeping.texts.keep_done)


def test_without_the_cloud_the_digits_say_so_and_the_code_works(panel: Panel) -> None:
    go_there(panel, "down")
    assert "token_hash" in links(panel)[-1][1]
    panel.glass.open("keep-0", "keep-message", panel.texts.keep_needs_cloud)


def test_whoever_taps_next_has_the_screen(keeping: Panel) -> None:
    keeping.room.tap("somebody else")
    keeping.glass.wait_gone("keep-pad")
    keeping.glass.wait_for("face-5")
