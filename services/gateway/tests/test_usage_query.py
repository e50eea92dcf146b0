"""What is asked of the usage: days, what rows are told apart by, and a place among them."""

import base64
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.db.usage import UsageKey
from common.errors import CallerError
from gateway.usage import Group, Period, read_groups, read_key, read_period, write_key

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("first", "last", "period"),
    [
        (None, None, (date(2026, 3, 2), TODAY)),
        (None, "2026-01-30", (date(2026, 1, 1), date(2026, 1, 30))),
        ("2026-03-31", None, (TODAY, TODAY)),
        ("2025-03-31", None, (date(2025, 3, 31), TODAY)),
        ("2024-01-01", "2024-12-31", (date(2024, 1, 1), date(2024, 12, 31))),
        ("2000-01-01", "2000-01-01", (date(2000, 1, 1), date(2000, 1, 1))),
        ("9999-12-31", "9999-12-31", (date(9999, 12, 31), date(9999, 12, 31))),
    ],
)
def test_the_last_thirty_days_unless_others_are_asked_for(
    first: str | None, last: str | None, period: tuple[date, date]
) -> None:
    assert read_period(first, last, today=TODAY) == Period(*period)


@pytest.mark.parametrize(("first", "last"), [("2025-03-30", None), ("2026-04-01", None), ("2026-01-02", "2026-01-01")])
def test_too_many_days_and_less_than_none_are_refused(first: str, last: str | None) -> None:
    with pytest.raises(CallerError) as caught:
        read_period(first, last, today=TODAY)
    assert caught.value.pointer == "/from"


GROUPS = st.frozensets(st.sampled_from(Group), min_size=1)


@given(GROUPS)
def test_a_list_of_groups_is_read_in_any_order(groups: frozenset[Group]) -> None:
    assert read_groups(",".join(groups)) == groups
    assert read_groups(None) == {Group.DAY}


@given(GROUPS, GROUPS, st.dates(), st.sampled_from(["tiktok", "instagram", "youtube"]), st.uuids())
def test_a_place_survives_the_journey_among_its_own_kind_of_rows(
    groups: frozenset[Group], others: frozenset[Group], day: date, platform: str, job: object
) -> None:
    whole = {Group.DAY: ("day", day), Group.PLATFORM: ("platform", platform), Group.JOB: ("job_id", job)}
    key = UsageKey.model_validate(dict(whole[group] for group in groups))
    cursor = write_key(key, groups)
    assert read_key(cursor, groups) == key
    if others != groups:
        with pytest.raises(CallerError):
            read_key(cursor, others)


@given(
    st.text() | st.binary(max_size=60).map(lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()), GROUPS
)
def test_what_is_no_place_is_refused_and_nothing_else_happens(text: str, groups: frozenset[Group]) -> None:
    with suppress(CallerError):
        key = read_key(text, groups)
        assert key is not None
        assert write_key(key, groups) == text
        assert "\0" not in (key.platform or "")


def test_what_postgres_has_no_place_for_is_no_place() -> None:
    groups = frozenset({Group.PLATFORM})
    for platform in ("tik\0tok", "tik\ntok", "tiktök"):
        with pytest.raises(CallerError):
            read_key(write_key(UsageKey(platform=platform), groups), groups)
