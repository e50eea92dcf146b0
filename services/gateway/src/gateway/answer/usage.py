"""What an owner's calls cost, as the API shows it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from common.db.usage import UsageRow, UsageSum
from gateway.answer.document import Answer


class UsageSumAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """`credits_unknown` is the part of `credits_charged` that was charged without an answer; `credits_reserved` is
    what open calls may still cost."""

    calls: int
    pages: int
    profiles: int
    credits_charged: int
    credits_reserved: int
    credits_unknown: int

    @classmethod
    def of_sum(cls, given: UsageSum) -> "UsageSumAnswer":
        return cls(
            calls=given.calls,
            pages=given.pages,
            profiles=given.profiles,
            credits_charged=given.credits_charged,
            credits_reserved=given.credits_reserved,
            credits_unknown=given.credits_unknown,
        )


class UsageRowAnswer(UsageSumAnswer, frozen=True, rename="camel", kw_only=True):
    """Of `day`, `platform` and `job_id` those are there by which the rows are told apart."""

    day: date | UnsetType = UNSET
    platform: str | UnsetType = UNSET
    job_id: UUID | UnsetType = UNSET

    @classmethod
    def of(cls, row: UsageRow) -> "UsageRowAnswer":
        return cls(
            day=UNSET if row.day is None else row.day,
            platform=UNSET if row.platform is None else row.platform,
            job_id=UNSET if row.job_id is None else row.job_id,
            calls=row.calls,
            pages=row.pages,
            profiles=row.profiles,
            credits_charged=row.credits_charged,
            credits_reserved=row.credits_reserved,
            credits_unknown=row.credits_unknown,
        )


class UsagePage(Answer, frozen=True, rename="camel", kw_only=True):
    """`totals` are of all the days, whichever page this is."""

    first_day: date = field(name="from")
    last_day: date = field(name="to")
    items: Sequence[UsageRowAnswer]
    totals: UsageSumAnswer
    next_cursor: str | None
