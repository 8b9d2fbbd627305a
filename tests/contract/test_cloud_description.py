"""The server does what its OpenAPI says: whatever is sent, the answer is one that is written there, and never a 5xx.

`make fuzz` does the same for longer, and differently each time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cloud_world import World, cloud_world
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from odd_requests import Cast, operations

from cloud_stub.engines.address import Address

MEMORY = Path("/dev/shm")
EXAMPLES = int(os.environ.get("COSOUND_FUZZ_EXAMPLES", "5"))
OPERATIONS = operations()
OTHERWISE = {("GET /health", "503"), ("POST /api/player/heartbeat", "409")}  # no refusals
REFUSALS = ("400", "401", "403", "404", "409", "410", "413", "422", "429", "503")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """One for all: what one request left behind is what the next one meets."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)))
        where: Path | Address = folder / "cloud.db"
        if request.param == "postgres":
            where = stack.enter_context(request.getfixturevalue("server").database())
        made = stack.enter_context(cloud_world(folder, where))
        made.client.watch.is_made_up = True
        yield made


@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.timeout(120 + EXAMPLES)
def test_every_answer_is_one_that_was_described(world: World, label: str) -> None:
    everybody = Cast.in_(world)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES < 100, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=OPERATIONS[label].as_strategy(), draw=st.data())
    def odd_requests(case: object, draw: st.DataObject) -> None:
        everybody.send(case, draw)  # type: ignore[arg-type]  # a Case: schemathesis does not say so

    odd_requests()


def test_every_refusal_has_the_one_shape() -> None:
    for label, operation in OPERATIONS.items():
        answers = operation.definition.raw["responses"]
        assert "503" in answers, label
        assert "422" in answers, label
        for status in REFUSALS:
            if status not in answers or (label, status) in OTHERWISE:
                continue
            schema = answers[status]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
            assert schema in ("Problem", "TokenProblem"), (label, status)
            assert status not in ("429", "503") or "Retry-After" in answers[status]["headers"], (label, status)
        if "requestBody" in operation.definition.raw:
            assert "413" in answers, label
        if operation.definition.raw.get("security"):
            assert "401" in answers, label
