"""How long a job is likely to go on, told from its commits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.engine.forecast import Course, Forecast, Sample, forecast

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def at(seconds: float, delivered: int, pages: int = 0) -> Sample:
    return Sample(at=START + timedelta(seconds=seconds), delivered=delivered, pages=pages)


def told(*samples: Sample, target: int = 100, pages_max: int = 1000, deadline_s: float | None = None) -> Forecast:
    deadline = None if deadline_s is None else START + timedelta(seconds=deadline_s)
    *earlier, last = samples
    return forecast(Course(target=target, pages_max=pages_max, deadline_at=deadline, earlier=earlier, last=last))


def seconds(result: Forecast) -> tuple[float, float]:
    assert result.remaining is not None
    shortest, longest = result.remaining
    return shortest.total_seconds(), longest.total_seconds()


def test_one_pace_gives_a_range_around_it() -> None:
    """Ten creators in ten seconds, eighty to go: 80 s, a quarter faster or slower."""
    result = told(at(0, 10), at(10, 20))
    assert result.creators_per_minute == 60
    assert result.as_of == START + timedelta(seconds=10)
    assert seconds(result) == (64, 100)


def test_two_paces_span_the_range_and_the_last_is_the_rate() -> None:
    """Over all one in two seconds, of late one a second: between 80 s / 1.25 and 160 s * 1.25."""
    result = told(at(0, 0), at(30, 10), at(40, 20))
    assert result.creators_per_minute == 60
    assert seconds(result) == (64, 200)


def test_the_deadline_and_the_limit_of_pages_cut_it() -> None:
    assert seconds(told(at(0, 10), at(10, 20), deadline_s=90)) == (64, 80)
    assert seconds(told(at(0, 10), at(10, 20), deadline_s=30)) == (20, 20)
    assert seconds(told(at(0, 10), at(10, 20), deadline_s=5)) == (0, 0), "it is over already"
    assert seconds(told(at(0, 10, pages=1), at(10, 20, pages=2), pages_max=6)) == (50, 50)


def test_nothing_tells_before_there_are_two_commits() -> None:
    assert told(at(5, 20)) == Forecast(as_of=START + timedelta(seconds=5), creators_per_minute=None, remaining=None)
    assert told(at(5, 10), at(5.5, 20)).remaining is None, "too near to one another to measure"


def test_while_nothing_is_delivered_only_the_latest_end_is_known() -> None:
    assert told(at(0, 0), at(10, 0)).remaining is None
    assert told(at(0, 0), at(10, 0)).creators_per_minute == 0
    assert seconds(told(at(0, 0), at(10, 0), deadline_s=70)) == (0, 60)
    assert seconds(told(at(0, 0, pages=0), at(10, 0, pages=5), pages_max=10)) == (0, 12.5)


def test_a_full_target_is_over() -> None:
    assert seconds(told(at(0, 0), at(10, 100))) == (0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 200)), min_size=1, max_size=4).map(sorted),
    st.integers(1, 10_000),
    st.integers(1, 10_000),
    st.none() | st.integers(-100, 10_000),
)
def test_a_range_is_a_range_whatever_was_seen(
    commits: list[tuple[int, int]], target: int, pages_max: int, deadline_s: int | None
) -> None:
    samples = [at(number * 3, delivered, pages) for number, (delivered, pages) in enumerate(commits)]
    result = told(*samples, target=target, pages_max=pages_max, deadline_s=deadline_s)
    if result.remaining is not None:
        shortest, longest = seconds(result)
        assert 0 <= shortest <= longest


@pytest.mark.parametrize("deadline_s", [None, 50])
def test_what_is_told_changes_only_with_a_commit(deadline_s: float | None) -> None:
    once, again = (told(at(0, 1), at(10, 2), deadline_s=deadline_s) for _ in range(2))
    assert once == again
