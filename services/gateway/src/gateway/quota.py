"""What the answers say when a job may not start, or not go on."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

from common.engine.reopening import Refusal
from common.errors import CallerError
from common.transaction.account import AccountLeavesError
from common.transaction.deletion import NotDeletedError
from common.transaction.lock import UnknownJobError
from common.transaction.quota import DayUsedUpError, QuotaExceededError
from common.transaction.reopening import NotReopenedError
from gateway.problem import Kind, ProblemError, not_found

_REFUSALS: Mapping[type[Exception], tuple[Kind, str]] = {
    QuotaExceededError: (Kind.QUOTA, "This job would exceed the credits that your jobs may use today (UTC)."),
    DayUsedUpError: (
        Kind.CREDITS_USED_UP,
        "What all jobs together may spend today (UTC) does not cover this job; try again tomorrow.",
    ),
}


@contextmanager
def quota_problem(now: datetime) -> Generator[None]:
    """An exceeded quota as 429, the exceeded cap of all as 503, to be tried again when the day (UTC) is over."""
    try:
        yield
    except (QuotaExceededError, DayUsedUpError) as error:
        kind, detail = _REFUSALS[type(error)]
        raise ProblemError(kind, detail, retry_after_s=seconds_left_today(now)) from None


@contextmanager
def reopening_problems(now: datetime) -> Generator[None]:
    """The same, and 409 for a job that has no other run, 422 for a target that is not higher."""
    try:
        with quota_problem(now):
            yield
    except NotReopenedError as error:
        if error.refusal is Refusal.TARGET_NOT_HIGHER:
            raise CallerError(
                "must be higher than the job's target", pointer="/targetResults", code="greater_than"
            ) from None
        raise ProblemError(Kind.CONFLICT, f"{error.refusal.value[0].upper()}{error.refusal.value[1:]}.") from None


@contextmanager
def departure_problem() -> Generator[None]:
    """409 where something new would come to be of an account that is being deleted."""
    try:
        yield
    except AccountLeavesError:
        raise ProblemError(Kind.CONFLICT, "The account is being deleted: nothing new is taken.") from None


@contextmanager
def deletion_problems() -> Generator[None]:
    """409 for a job that is under way; one that another request just deleted is not found."""
    try:
        yield
    except NotDeletedError as error:
        raise ProblemError(Kind.CONFLICT, f"{error.refusal.value[0].upper()}{error.refusal.value[1:]}.") from None
    except UnknownJobError:
        raise not_found() from None


def seconds_left_today(now: datetime) -> int:
    """Until the day (UTC) is over; at least one."""
    tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return max(1, round((tomorrow - now).total_seconds()))
