from __future__ import annotations

from mixer.callback_clock import WINDOW, CallbackClock

BLOCK_NS = 1024 * 1_000_000_000 // 48_000


def run(clock: CallbackClock, begins_ns: list[int], took_ns: int = 1_000_000) -> CallbackClock:
    for begin in begins_ns:
        clock.called(begin, begin + took_ns)
    return clock


def test_a_steady_beat_has_no_underruns() -> None:
    assert run(CallbackClock(1024), [k * BLOCK_NS for k in range(1000)]).underruns == 0


def test_half_a_second_of_nothing_is_one() -> None:
    clock = run(CallbackClock(1024), [0, BLOCK_NS, BLOCK_NS + 500_000_000, 2 * BLOCK_NS + 500_000_000])
    assert clock.underruns == 1
    assert clock.longest_gap_ms == 500


def test_a_block_late_by_less_than_the_device_holds_is_none() -> None:
    assert run(CallbackClock(1024), [0, BLOCK_NS * 19 // 10]).underruns == 0
    assert run(CallbackClock(1024), [0, BLOCK_NS * 21 // 10]).underruns == 1


def test_waiting_for_the_first_callback_does_not_count() -> None:
    assert run(CallbackClock(1024), [10**12]).underruns == 0


def test_percentiles_of_the_last_callbacks() -> None:
    clock = CallbackClock(1024)
    assert clock.took_ms() == (0.0, 0.0, 0.0)
    run(clock, [0], took_ns=900_000_000)
    run(clock, [BLOCK_NS] * (WINDOW - 1))
    assert clock.took_ms() == (1.0, 1.0, 900.0)
    run(clock, [BLOCK_NS])
    assert clock.took_ms() == (1.0, 1.0, 1.0), "the slow one has left the window"
