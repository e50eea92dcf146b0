"""How much work a process takes after a pause."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from common.engine.resumption import steps_allowed


def allowed(seconds: float, steps_max: int = 64) -> int:
    return steps_allowed(is_open=True, is_probe_due=False, resumed_for=timedelta(seconds=seconds), steps_max=steps_max)


def test_none_under_a_pause_and_one_to_try_when_it_is_over() -> None:
    assert steps_allowed(is_open=False, is_probe_due=False, resumed_for=None, steps_max=64) == 0
    assert steps_allowed(is_open=False, is_probe_due=True, resumed_for=None, steps_max=64) == 1


def test_all_where_there_was_no_pause() -> None:
    assert steps_allowed(is_open=True, is_probe_due=False, resumed_for=None, steps_max=64) == 64


def test_it_doubles_each_second() -> None:
    assert [allowed(seconds) for seconds in (0, 0.9, 1, 2, 3, 4, 5, 6, 7)] == [1, 1, 2, 4, 8, 16, 32, 64, 64]


@given(st.floats(-10, 1e6), st.integers(1, 200))
def test_never_none_and_never_more_than_the_most(seconds: float, steps_max: int) -> None:
    assert 1 <= allowed(seconds, steps_max) <= steps_max
