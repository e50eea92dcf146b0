"""What stands in addresses: cursors come back as they were given, and nothing else is read as one."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.db.result import ResultPlace
from common.domain.job import Mode
from common.errors import CallerError
from gateway.problem import ProblemError
from gateway.query import Sort, read_cursor, read_id, read_limit, read_place, read_sort, write_cursor, write_place


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


@given(st.integers(0, 2**63 - 1), st.none() | st.floats(0, 1, width=32))
def test_a_place_survives_the_journey_in_its_own_order_alone(seq: int, likeness: float | None) -> None:
    place = ResultPlace(seq=seq, likeness=likeness)
    cursor = write_place(place, Sort.LIKENESS)
    assert read_place(cursor, Sort.LIKENESS) == place
    assert cursor.isascii()
    found = write_place(place, Sort.FOUND)
    assert read_place(found, Sort.FOUND) == ResultPlace(seq=seq, likeness=None)
    for text, sort in [(cursor, Sort.FOUND), (found, Sort.LIKENESS)]:
        with pytest.raises(CallerError) as caught:
            read_place(text, sort)
        assert caught.value.pointer == "/cursor"


@given(st.text() | st.text("ABCDlZfg_-019", min_size=18, max_size=18), st.sampled_from(Sort))
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
    ],
)
def test_the_order_is_what_the_mode_is_about_unless_it_is_asked_for(text: str | None, mode: Mode, sort: Sort) -> None:
    assert read_sort(text, mode) is sort
