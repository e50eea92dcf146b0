"""Filters in an address mean what they mean in a body."""

from datetime import timedelta

import pytest

from common.domain.filter import FilterName, Filters, Unknown
from gateway.body import BodyError
from gateway.criteria import CRITERIA, read_criteria


def test_every_filter_of_a_job_is_there_but_those_that_name_whom_to_leave_out() -> None:
    assert {*FilterName, "unknown"} - {FilterName.EXCLUDE_HANDLES, FilterName.EXCLUDE_CAMPAIGNS} == CRITERIA


def test_values_are_read_like_a_bodys() -> None:
    asked = {
        "followersMin": "1000",
        "followersMax": "10000000000",
        "hasEmail": "true",
        "verified": "false",
        "languages": "en-US,de",
        "countries": "de,AT",
        "postedWithinDays": "30",
        "unknown": "drop",
    }
    assert set(asked) == CRITERIA
    assert read_criteria(asked) == Filters(
        followers_min=1000,
        followers_max=10**10,
        has_email=True,
        verified=False,
        languages=("en", "de"),
        countries=("DE", "AT"),
        posted_within=timedelta(days=30),
        unknown=Unknown.DROP,
    )


def test_what_is_not_asked_for_is_not_there() -> None:
    assert read_criteria({"limit": "5", "sort": "found"}) == Filters()


def test_every_fault_is_named() -> None:
    with pytest.raises(BodyError) as caught:
        read_criteria({"followersMin": "x", "languages": "en,1", "unknown": "Keep"})
    assert [fault.pointer for fault in caught.value.problem.faults] == ["/followersMin", "/languages/1", "/unknown"]
