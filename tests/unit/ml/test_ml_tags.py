from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.tags import DIMENSIONS, TAGS, VectorError, as_rows, as_vector, normalised

finite = st.floats(-1e100, 1e100, allow_nan=False)


def test_the_order_of_the_tags_is_the_model_s() -> None:
    assert TAGS == ("rain", "sea_waves", "thunderstorm", "wind", "crackling_fire")
    assert len(TAGS) == DIMENSIONS


@pytest.mark.parametrize(
    "bad",
    [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [], [[1, 2, 3, 4, 5]], [1, 2, float("nan"), 4, 5], [1, 2, 3, 4, float("inf")],
     ["rain", 0, 0, 0, 0], [1, [2], 3, 4, 5], None],
)  # fmt: skip
def test_what_is_no_vector_gets_one_clear_line(bad: object) -> None:
    with pytest.raises(VectorError) as caught:
        as_vector(bad)  # type: ignore[arg-type]
    assert "vector needs" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_row_is_named() -> None:
    with pytest.raises(VectorError, match="vector 1 has"):
        as_rows([[0, 0, 0, 0, 1], [0, 0, 0, 0, float("nan")]])
    with pytest.raises(VectorError, match=r"shape \(n, 5\)"):
        as_rows([[1, 2]])
    assert as_rows([]).shape == (0, 5)


@given(st.lists(finite, min_size=5, max_size=5))
def test_normalised_has_length_one_or_is_zero(values: list[float]) -> None:
    length = float(np.linalg.norm(normalised(np.array(values))))
    assert length == pytest.approx(1.0, abs=1e-9) or (length == 0 and max(map(abs, values)) <= 1e-12)


def test_zero_stays_zero() -> None:
    assert not normalised(np.zeros(5)).any()
    assert normalised(np.array([[0, 0, 0, 0, 0], [0, 3, 4, 0, 0]])).tolist() == [[0] * 5, [0, 0.6, 0.8, 0, 0]]
