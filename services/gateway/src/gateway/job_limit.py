"""What a job may use: what was asked for within what the settings in force allow."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from common.domain.setting import SystemSettings
from common.transaction.reopening import Renewal
from gateway.body import BodyError, LimitsBody, RunLimitsBody
from gateway.problem import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits that a new job keeps."""

    pages_max: int
    credits_max: int
    parallel_searches_max: int
    timeout: timedelta


def renewal_under(asked: RunLimitsBody | None, settings: SystemSettings) -> Renewal:
    """What another run of a job may use. Raises BodyError, naming each field that asks for more than is allowed."""
    if asked is None:
        return Renewal.under(settings)
    limits = effective_limits(LimitsBody(pages_max=asked.pages_max, credits_max=asked.credits_max), settings)
    return replace(
        Renewal.under(settings),
        pages_asked=None if asked.pages_max is None else limits.pages_max,
        credits_asked=None if asked.credits_max is None else limits.credits_max,
    )


def effective_limits(asked: LimitsBody | None, settings: SystemSettings) -> Limits:
    """Raises BodyError, naming each field that asks for more than the settings allow."""
    allowed = Limits(
        pages_max=settings.api.max_api_calls,
        credits_max=settings.api.max_credits_per_job,
        parallel_searches_max=settings.limits.parallel_searches_per_job,
        timeout=settings.timeouts.standard_job_timeout,
    )
    if asked is None:
        return allowed
    wanted = Limits(
        pages_max=_or(asked.pages_max, allowed.pages_max),
        credits_max=_or(asked.credits_max, allowed.credits_max),
        parallel_searches_max=_or(asked.parallel_searches_max, allowed.parallel_searches_max),
        timeout=allowed.timeout if asked.timeout_seconds is None else timedelta(seconds=asked.timeout_seconds),
    )
    faults = [
        Fault(
            pointer=f"/limits/{_NAMES[field.name]}",
            code="limit",
            message=f"must be at most {_SHOWN.get(field.name, str)(getattr(allowed, field.name))}",
        )
        for field in fields(Limits)
        if getattr(wanted, field.name) > getattr(allowed, field.name)
    ]
    if faults:
        raise BodyError(faults)
    return wanted


_NAMES = {
    "pages_max": "pagesMax",
    "credits_max": "creditsMax",
    "parallel_searches_max": "parallelSearchesMax",
    "timeout": "timeoutSeconds",
}
_SHOWN: dict[str, Callable[[Any], str]] = {"timeout": lambda timeout: str(round(timeout.total_seconds()))}


def _or(asked: int | None, allowed: int) -> int:
    return allowed if asked is None else asked
