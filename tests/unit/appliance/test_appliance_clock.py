from __future__ import annotations

import pytest

from appliance.clock import ManualClock, SystemClock, kernel_boot_id


def test_a_unit_that_cannot_read_the_kernels_boot_id_is_told_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSOUND_BOOT_ID", "told")
    assert SystemClock().boot_id == kernel_boot_id() == "told"
    monkeypatch.setenv("COSOUND_BOOT_ID", "")
    assert kernel_boot_id() == kernel_boot_id() != ""


def test_boot_time_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.boot_s() <= clock.boot_s()


def test_setting_the_wall_clock_leaves_boot_time_alone() -> None:
    clock = ManualClock(boot=10, wall=100)
    clock.set_wall(5)
    clock.advance(2)
    assert (clock.boot_s(), clock.wall_s()) == (12, 7)
