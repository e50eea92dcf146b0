"""Decides what is too old to be kept, and when to look for it again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.domain.retention import DataClass
from common.domain.setting import SystemSettings

PURGE_EVERY = timedelta(hours=1)
OWNER_DAYS_KEPT = timedelta(days=35)
"""Nobody asks for a day's quota when the last job that was granted of it is long over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPurge:
    """When a class was last looked through, and whether all that was due is gone."""

    at: datetime
    is_done: bool


def is_due(last: LastPurge | None, now: datetime) -> bool:
    """Every hour; at once if something was left over."""
    return last is None or not last.is_done or last.at <= now - PURGE_EVERY


def kept_for(data: DataClass, settings: SystemSettings) -> timedelta:
    """How long data of this class is kept.

    A profile is kept at least as long as `profiles.max_age` says that it need not be bought again: who wants profiles
    to go sooner lowers both.
    """
    retention = settings.retention
    match data:
        case DataClass.RESULTS:
            return retention.results
        case DataClass.PROFILES:
            return max(retention.profiles, settings.profiles.max_age)
        case DataClass.DEAD_LETTERS:
            return retention.dead_letters
        case DataClass.SETTING_CHANGES:
            return retention.setting_changes
        case DataClass.OWNER_DAYS:
            return OWNER_DAYS_KEPT
