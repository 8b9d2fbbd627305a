from __future__ import annotations

from typing import Any

import pytest

from appliance.readers import BELIEVED_S, SILENT, readers_now

READY = {"where": "usb", "name": "ACR122U", "state": "ready", "why": ""}
GONE = {**READY, "state": "absent", "why": SILENT}


@pytest.mark.parametrize(
    ("now_s", "seen"), [(100.0, READY), (100.0 + BELIEVED_S, GONE), (90.0, GONE)], ids=["fresh", "killed", "last boot"]
)
def test_a_process_that_stopped_telling_is_not_believed(now_s: float, seen: dict[str, Any]) -> None:
    assert readers_now({"boot_s": 100.0, "readers": [READY]}, now_s) == [seen]


@pytest.mark.parametrize("told", [{}, {"readers": 3}, {"readers": ["x"], "boot_s": "now"}, {"boot_s": 1.0}])
def test_rubbish_is_no_reader(told: dict[str, Any]) -> None:
    assert readers_now(told, 1.0) == []
