"""Instants and cursors of a campaign's creators: read strictly, written so that they are found again."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.db.campaign_creator import MergedPlace
from common.domain.job import PlatformName
from common.errors import CallerError
from gateway.export.query import Walk, read_new_since, read_walk, write_walk

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

instants = st.integers(0, 250 * 10**15).map(lambda micros: EPOCH + timedelta(microseconds=micros))
ids = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=40)
walks = st.builds(
    Walk,
    st.builds(MergedPlace, first_found_at=instants, platform=st.sampled_from(list(PlatformName)), platform_id=ids),
    instants,
)


@given(walks)
def test_a_cursor_says_where_to_go_on_and_as_of_when(walk: Walk) -> None:
    assert read_walk(write_walk(walk)) == walk


@given(walks, st.data())
def test_a_cursor_that_was_changed_is_refused_or_another_place(walk: Walk, data: st.DataObject) -> None:
    text = write_walk(walk)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.sampled_from("AZaz09-_=. é")) + text[at + 1 :]
    with suppress(CallerError):
        assert changed == text or read_walk(changed) != walk


@pytest.mark.parametrize("text", ["", "A", "A" * 24, "A" * 401, "!" * 30, "_" * 60])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CallerError):
        read_walk(text)


@given(instants, st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_read_in_every_zone(instant: datetime, minutes: int) -> None:
    sign, (hours, rest) = "+-"[minutes < 0], divmod(abs(minutes), 60)
    local = (instant + timedelta(minutes=minutes)).replace(tzinfo=None)
    assert read_new_since(f"{local.isoformat()}{sign}{hours:02}:{rest:02}") == instant


@pytest.mark.parametrize(
    ("text", "micros"),
    [("2026-01-02T03:04:05Z", 0), ("2026-01-02t03:04:05.1z", 100_000), ("2026-01-02T03:04:05.123456789Z", 123_456)],
)
def test_fractions_of_a_second_are_read_as_far_as_they_are_kept(text: str, micros: int) -> None:
    assert read_new_since(text) == datetime(2026, 1, 2, 3, 4, 5, micros, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-01-02T03:04:05 01:00",
        "0001-01-01T00:00:00+14:00",
        "2026-01-02T03:04:05+25:00",
        "٢٠٢٦-01-02T03:04:05Z",
        "2026-W01-1T03:04:05Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(CallerError) as raised:
        read_new_since(text)
    assert raised.value.pointer == "/newSince"


def test_who_says_nothing_asks_for_all() -> None:
    assert read_new_since(None) is None
    assert read_walk(None) is None
