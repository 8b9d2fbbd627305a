"""Any history of two boxes, their cloud and a bad network (tests/histories.py), in numbers.

A history that fails is printed with the line that plays it again.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories import TEN_YEARS_S, BoxesAndCloud

SHORT = 500
HISTORIES = int(os.environ.get("COSOUND_HISTORIES", SHORT))
SEED = int(os.environ.get("COSOUND_SEED", "0"))  # 0: the short form's is always the same, the long form's a new one
SHARDS = 10  # of nearly equal length: two cores end together
STEPS = 25
THIS = "tests/unit/sync/test_sync_histories.py"
SETTINGS = settings(
    max_examples=HISTORIES // SHARDS,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.mark.timeout(120 + HISTORIES)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_histories(shard: int, caplog: pytest.LogCaptureFixture) -> None:
    """Seeds: COSOUND_SEED, else 1 for the short form and a new one for the long."""
    base = SEED or (1 if HISTORIES <= SHORT else random.SystemRandom().randrange(1, 2**32))
    again = f"COSOUND_SEED={base} COSOUND_HISTORIES={HISTORIES} .venv/bin/pytest {THIS} -k 'histories[{shard}]'"
    print(f"the same again: {again}")  # noqa: T201 - to play it again
    caplog.set_level(logging.CRITICAL, "sync")
    machine = type("BoxesAndCloud", (BoxesAndCloud,), {})
    try:
        run_state_machine_as_test(seed(base * SHARDS + shard)(machine), settings=SETTINGS)
    except BaseException as error:
        error.add_note(f"the same again: {again}")
        raise


@pytest.fixture
def history() -> Iterator[BoxesAndCloud]:
    """One that a test writes itself; at its end all sides must be equal."""
    history = BoxesAndCloud()
    yield history
    history.teardown()


def test_a_process_killed_between_a_verdict_and_what_it_undoes_has_heard_neither(history: BoxesAndCloud) -> None:
    history.staff_place_a_song(number=0, pick=0, place=1, lasts_s=None)
    history.staff_place_a_song_from_afar(number=0, pick=0, place=4, lift=True)
    history.a_box_syncs(number=0, fates=[], commits=2)


def test_a_rule_that_goes_again_to_a_restored_cloud_ends_there_and_here(history: BoxesAndCloud) -> None:
    history.staff_place_a_song(number=0, pick=0, place=1, lasts_s=100.0)
    history.a_box_syncs(number=0, fates=["fine", "request lost"], commits=0)
    history.the_cloud_is_restored_from_its_backup()
    history.a_box_reboots(number=0)
    history.a_wall_clock_is_set(number=0, jump_s=-TEN_YEARS_S)
