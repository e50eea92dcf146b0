"""What stands in addresses: cursors come back as they were given, and nothing else is read as one."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import CallerError
from gateway.problem import ProblemError
from gateway.query import read_cursor, read_id, read_limit, write_cursor


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
