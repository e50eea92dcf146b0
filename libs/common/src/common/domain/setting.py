"""Dynamic settings: every key, its default, its bounds and what it is for. An unknown key is an error.

The values live in the table `system_settings`; what is not there has the default given here.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from common.domain.model import Model

Delay = Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=30))]
Seconds = Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(days=30))]
Kept = Annotated[timedelta, Field(ge=timedelta(days=1), le=timedelta(days=3650))]
UserId = Annotated[str, Field(strict=True, pattern=r"^user_[A-Za-z0-9_]{1,100}\z")]


def _each_once(user_ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(user_ids))


class PaidCalls(StrEnum):
    """The switch over all spending."""

    ALLOWED = "allowed"
    STOPPED = "stopped"


class ApiSettings(Model):
    """Limits of one job against the upstream, and the switch: the gate reads that in Postgres before each call."""

    max_api_calls: Annotated[int, Field(strict=True, ge=1, le=10_000, description="pages per job")] = 200
    delay_between_calls: Annotated[Delay, Field(description="wait between two pages of a search")] = timedelta(0)
    enrichment_concurrency: Annotated[
        int, Field(strict=True, ge=1, le=100, description="profile calls at once per worker")
    ] = 10
    pages_per_delivery: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=50,
            description="pages of a search that a worker may fetch one after the other for one message",
        ),
    ] = 1
    max_credits_per_job: Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="credits per job")] = 5000
    paid_calls: Annotated[
        PaidCalls, Field(description="stopped: no paid call of any platform begins, its jobs wait; allowed: they go on")
    ] = PaidCalls.ALLOWED


class TimeoutSettings(Model):
    standard_job_timeout: Annotated[Seconds, Field(description="from the start of processing")] = timedelta(minutes=60)
    queue_timeout: Annotated[Seconds, Field(description="longest wait for a turn")] = timedelta(hours=24)


class LimitSettings(Model):
    active_jobs_per_owner: Annotated[
        int, Field(strict=True, ge=1, le=1000, description="jobs of one owner at once")
    ] = 5
    parallel_searches_per_job: Annotated[
        int, Field(strict=True, ge=1, le=100, description="searches of one job at once")
    ] = 5
    credits_per_owner_per_day: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            le=1_000_000_000,
            description="credits for one owner's jobs a day (UTC); none: no limit",
        ),
    ] = None
    credits_per_day: Annotated[
        int | None,
        Field(strict=True, ge=0, le=1_000_000_000, description="credits for all jobs a day (UTC); none: no limit"),
    ] = None
    credits_per_minute: Annotated[
        int | None,
        Field(
            strict=True,
            ge=10,  # the dearest call fits
            le=1_000_000,
            description="credits of all calls that begin in a minute; beyond it they wait; none: no limit",
        ),
    ] = None
    admin_user_ids: Annotated[
        tuple[UserId, ...],
        Field(max_length=100, description="users who may change settings and settle dead letters"),
        AfterValidator(_each_once),
    ] = ()
    requests_per_owner_per_minute: Annotated[
        int | None,
        Field(strict=True, ge=1, le=1_000_000, description="requests of one owner to one gateway; none: no limit"),
    ] = 3000


class ProfileSettings(Model):
    max_age: Annotated[Delay, Field(description="a profile seen within this time is not bought again")] = timedelta(
        days=7
    )


class RecoverySettings(Model):
    sweep_every: Annotated[Seconds, Field(description="time between two sweeps")] = timedelta(seconds=15)
    stalled_after: Annotated[Seconds, Field(description="a step without a sign of life is re-driven")] = timedelta(
        seconds=60
    )
    attempts_max: Annotated[
        int, Field(strict=True, ge=1, le=100, description="claims of one phase before the search fails")
    ] = 5
    redrives_max: Annotated[
        int, Field(strict=True, ge=1, le=100, description="re-drives by failure callbacks per step")
    ] = 3


class RetentionSettings(Model):
    """How long data of people is kept. Nothing renews it but to be fetched anew."""

    results: Annotated[Kept, Field(description="a job's creators, from when they were found")] = timedelta(days=90)
    profiles: Annotated[
        Kept, Field(description="cached profiles, from when they were fetched; at least profiles.max_age")
    ] = timedelta(days=30)
    dead_letters: Annotated[Kept, Field(description="dead letters, from when they were settled")] = timedelta(days=90)
    setting_changes: Annotated[Kept, Field(description="who changed which setting")] = timedelta(days=730)


class SystemSettings(Model):
    """All of them; field = category."""

    api: ApiSettings = ApiSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    limits: LimitSettings = LimitSettings()
    profiles: ProfileSettings = ProfileSettings()
    recovery: RecoverySettings = RecoverySettings()
    retention: RetentionSettings = RetentionSettings()
