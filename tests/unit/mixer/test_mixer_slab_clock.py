from __future__ import annotations

from mixer.slab_clock import WINDOW, SlabClock

SLAB, BLOCK = 4096, 1024
SLAB_NS = SLAB * 1_000_000_000 // 48_000
BLOCK_NS = SLAB_NS // 4


def run(times_ns: list[int], took_ns: int = 1_000_000, held_up_ns: int = 0) -> SlabClock:
    clock = SlabClock(SLAB, BLOCK)
    for time_ns in times_ns:
        clock.rendered(took_ns)
        clock.handed_over(time_ns, SLAB, held_up_ns)
    return clock


def test_a_steady_beat_has_no_underruns() -> None:
    assert run([k * SLAB_NS for k in range(1000)]).underruns == 0


def test_half_a_second_of_nothing_is_one() -> None:
    clock = run([0, SLAB_NS, SLAB_NS + 500_000_000, 2 * SLAB_NS + 500_000_000])
    assert clock.underruns == 1
    assert clock.longest_gap_ms == 500


def test_a_slab_late_by_less_than_a_block_and_what_the_device_holds_is_none() -> None:
    assert run([0, SLAB_NS + BLOCK_NS * 19 // 10]).underruns == 0
    assert run([0, SLAB_NS + BLOCK_NS * 21 // 10]).underruns == 1


def test_waiting_for_the_first_slab_does_not_count() -> None:
    clock = run([10**12], held_up_ns=10**9)
    assert (clock.underruns, clock.longest_gap_ms, clock.longest_gil_ms) == (0, 0, 0)


def test_the_longest_wait_for_the_interpreter_is_kept() -> None:
    clock = run([0, SLAB_NS], held_up_ns=7_000_000)
    clock.handed_over(2 * SLAB_NS, SLAB, 3_000_000)
    assert clock.longest_gil_ms == 7


def test_percentiles_of_the_last_slabs() -> None:
    clock = SlabClock(SLAB, BLOCK)
    assert clock.took_ms() == (0.0, 0.0, 0.0)
    clock.rendered(900_000_000)
    for _ in range(WINDOW - 1):
        clock.rendered(1_000_000)
    assert clock.took_ms() == (1.0, 1.0, 900.0)
    clock.rendered(1_000_000)
    assert clock.took_ms() == (1.0, 1.0, 1.0), "the slow one has left the window"


def test_several_slabs_at_once_last_so_much_longer() -> None:
    clock = SlabClock(SLAB, BLOCK)
    clock.handed_over(0, 4 * SLAB, 0)
    clock.handed_over(4 * SLAB_NS + BLOCK_NS, SLAB, 0)
    assert clock.underruns == 0
    assert round(clock.longest_gap_ms) == round((SLAB_NS + BLOCK_NS) / 1e6)
    clock.handed_over(8 * SLAB_NS, SLAB, 0)
    assert clock.underruns == 1, "one slab does not last as long as four"
