"""What stands in addresses: cursors come back as they were given, and nothing else is read as one."""

import base64
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.db.result import ResultPlace
from common.domain.job import Mode
from common.errors import CallerError
from gateway.problem import ProblemError
from gateway.query import (
    Sort,
    read_cursor,
    read_id,
    read_limit,
    read_place,
    read_sort,
    write_cursor,
    write_place,
)


def as_cursor(packed: bytes) -> str:
    return base64.urlsafe_b64encode(b"fln"[packed[0] % 3 :][:1] + packed[1:]).rstrip(b"=").decode()


@given(st.uuids())
def test_a_cursor_survives_the_journey(last: UUID) -> None:
    cursor = write_cursor(last)
    assert read_cursor(cursor) == last
    assert cursor.isascii()
    assert "=" not in cursor


@given(st.text())
def test_what_is_no_cursor_is_refused_and_nothing_else_happens(text: str) -> None:
    with suppress(CallerError):
        assert write_cursor(read_cursor(text) or UUID(int=0))[:21] == text[:21]


@given(st.text())
def test_what_is_no_id_is_not_found(text: str) -> None:
    with suppress(ProblemError):
        assert str(read_id(text)) == text.lower()


@pytest.mark.parametrize(("text", "limit"), [(None, 50), ("1", 1), ("200", 200), ("201", 200), ("999999", 200)])
def test_more_than_the_most_is_the_most(text: str | None, limit: int) -> None:
    assert read_limit(text) == limit


SEQS = st.integers(0, 2**63 - 1)
LIKENESS = st.none() | st.floats(0, 1, width=32)
FOLLOWERS = st.none() | st.integers(0, 2**63 - 1)


@given(SEQS, LIKENESS, FOLLOWERS)
def test_a_place_survives_the_journey_in_its_own_order_alone(
    seq: int, likeness: float | None, followers: int | None
) -> None:
    place = ResultPlace(seq=seq, likeness=likeness, followers=followers)
    kept = {
        Sort.FOUND: ResultPlace(seq=seq),
        Sort.LIKENESS: ResultPlace(seq=seq, likeness=likeness),
        Sort.FOLLOWERS: ResultPlace(seq=seq, followers=followers),
    }
    for sort in Sort:
        cursor = write_place(place, sort)
        assert read_place(cursor, sort) == kept[sort]
        assert cursor.isascii()
        assert "=" not in cursor
        for other in set(Sort) - {sort}:
            with pytest.raises(CallerError) as caught:
                read_place(cursor, other)
            assert caught.value.pointer == "/cursor"


PLACE_TEXTS = st.integers(12, 23).flatmap(lambda size: st.text("ABCDlfZgbm_-019", min_size=size, max_size=size))


@given(st.text() | PLACE_TEXTS | st.binary(min_size=9, max_size=17).map(as_cursor), st.sampled_from(Sort))
def test_what_is_no_place_is_refused_and_nothing_else_happens(text: str, sort: Sort) -> None:
    with suppress(CallerError):
        place = read_place(text, sort)
        assert place is not None
        assert write_place(place, sort) == text


@pytest.mark.parametrize(
    ("text", "mode", "sort"),
    [
        (None, Mode.SIMILAR, Sort.LIKENESS),
        (None, Mode.KEYWORD, Sort.FOUND),
        ("found", Mode.SIMILAR, Sort.FOUND),
        ("likeness", Mode.KEYWORD, Sort.LIKENESS),
        ("followers", Mode.SIMILAR, Sort.FOLLOWERS),
    ],
)
def test_the_order_is_what_the_mode_is_about_unless_it_is_asked_for(text: str | None, mode: Mode, sort: Sort) -> None:
    assert read_sort(text, mode) is sort
