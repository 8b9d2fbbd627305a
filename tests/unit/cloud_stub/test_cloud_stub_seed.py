from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cloud_stub.seed import LOVES, seed, taste_for
from cloud_stub.settings import CloudSettings
from ml.synth import RECIPES
from ml.tags import TAGS

LIBRARY = [{"type": recipe.kind, "embedding": list(recipe.embedding)} for recipe in RECIPES]


@pytest.mark.parametrize("loves", LOVES)
def test_a_seeded_taste_points_to_what_its_owner_loves(loves: str) -> None:
    taste = taste_for(loves, LIBRARY)
    for rule in ("bayes", "v1"):
        assert TAGS[int(np.argmax(taste.vector(rule=rule)))] == loves  # type: ignore[arg-type]


def test_seeded_tastes_differ_clearly() -> None:
    vectors = [taste_for(loves, LIBRARY).vector() for loves in LOVES]
    nearness = [float(a @ b) for i, a in enumerate(vectors) for b in vectors[:i]]
    assert max(nearness) < 0.75


def test_a_room_can_begin_without_the_starter_library(tmp_path: Path) -> None:
    found = seed(CloudSettings.for_directory(tmp_path), listeners=1, with_starter=False)
    assert found["songs"] == []
    assert [person["loves"] for person in found["listeners"]] == [LOVES[0]]
    assert seed(CloudSettings.for_directory(tmp_path), listeners=1, with_starter=False) == found
