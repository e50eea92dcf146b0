"""What is too old to be kept, and when it is looked for."""

from datetime import UTC, datetime, timedelta

import pytest

from common.domain.retention import DataClass
from common.domain.setting import SystemSettings
from common.engine.retention import LastPurge, is_due, kept_for

pytestmark = pytest.mark.security

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("minutes", "is_done", "due"), [(0, True, False), (59, True, False), (60, True, True), (0, False, True)]
)
def test_a_class_is_looked_through_every_hour_and_at_once_while_something_is_left(
    minutes: int, is_done: bool, due: bool
) -> None:
    assert is_due(LastPurge(at=NOW - timedelta(minutes=minutes), is_done=is_done), NOW) is due


def test_what_was_never_looked_through_is_due() -> None:
    assert is_due(None, NOW)


def test_every_class_has_an_end() -> None:
    kept = {data: kept_for(data, SystemSettings()) for data in DataClass}
    assert kept[DataClass.RESULTS] == 90 * DAY
    assert kept[DataClass.PROFILES] == 30 * DAY
    assert all(DAY <= span <= 730 * DAY for span in kept.values())


def test_a_profile_is_kept_as_long_as_it_need_not_be_bought_again() -> None:
    settings = SystemSettings.model_validate({"profiles": {"max_age": "P7D"}, "retention": {"profiles": "P1D"}})
    assert kept_for(DataClass.PROFILES, settings) == 7 * DAY
