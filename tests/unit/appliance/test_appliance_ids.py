from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from appliance.ids import new_id


@given(moments=st.lists(st.integers(0, 2**48 - 1), unique=True))
def test_names_stand_in_the_order_of_their_making(moments: list[int]) -> None:
    names = [new_id(wall_ms) for wall_ms in sorted(moments)]
    assert names == sorted(names)


@given(wall_ms=st.integers(-(2**63), 2**63))
def test_whatever_the_clock_says_it_is_a_name_and_another_one_each_time(wall_ms: int) -> None:
    names = {new_id(wall_ms) for _ in range(20)}
    assert len(names) == 20
    assert {(UUID(name).version, str(UUID(name)) == name) for name in names} == {(7, True)}
