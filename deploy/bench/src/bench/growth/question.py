"""What is asked of a database again and again though it is about the few rows of today: the sweep's, the lists', the
operator's questions. Each is a statement of `common.db`, asked as the role and through the door of who asks it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from common.db import (
    account,
    administration,
    campaign,
    census,
    delivery,
    idempotency,
    job_list,
    ledger,
    operator,
    owner,
    poll,
    purge,
    quota,
    result,
    sweep,
    usage,
)
from common.db.pool import Connection
from common.domain.job import JobStatus

_MINUTE: Final = timedelta(minutes=1)
_YEARS: Final = timedelta(days=3650)
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
_PAGE: Final = 50
"""As many as there are of everything in a small database too."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whom and what to ask for in one database: an owner, a campaign of theirs, the last job that holds creators."""

    owner: str
    campaign_id: UUID
    job_id: UUID
    middle_job_id: UUID
    today: date


Ask = Callable[[Connection, Place], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Question:
    """A statement and what is asked of it."""

    name: str
    ask: Ask


@dataclass(frozen=True, slots=True)
class Group:
    """Questions of one asker. `is_scoped`: through the door of an owner. `is_largest`: it is about the largest owner,
    else about one of many."""

    name: str
    role: str
    is_scoped: bool
    is_largest: bool
    questions: tuple[Question, ...]


def _days(place: Place, count: int) -> dict[str, Any]:
    return {"owner": place.owner, "since": place.today - timedelta(days=count - 1), "until": place.today}


def _jobs(place: Place, **wanted: Any) -> job_list.JobQuery:
    return job_list.JobQuery(owner=place.owner, count_max=_PAGE, **wanted)


def _usage(place: Place, days: int) -> usage.UsageQuery:
    return usage.UsageQuery(
        **_days(place, days), by_day=True, by_platform=False, by_job=False, after=None, count_max=_PAGE
    )


SWEEP: Final = (
    Question("overdue jobs", lambda c, _: sweep.overdue_jobs(c)),
    Question("stalled steps", lambda c, _: sweep.stalled_steps(c, stalled_after=_MINUTE, unpublished_after=_MINUTE)),
    Question("idle jobs", lambda c, _: sweep.idle_jobs(c, idle_for=_MINUTE)),
    Question("owners with a turn", lambda c, _: owner.owners_with_a_turn(c, active_jobs_max=5, count_max=500)),
    Question("stale calls", lambda c, _: ledger.stale_calls(c, older_than=_MINUTE, count_max=500)),
    Question("unreleased jobs", lambda c, _: quota.unreleased_jobs(c, count_max=500)),
    Question("old deliveries", lambda c, _: delivery.delete_old_deliveries(c, older_than=_YEARS)),
    Question("old keys", lambda c, _: idempotency.forget_keys(c, older_than=_YEARS)),
    Question("old minutes", lambda c, _: quota.forget_minutes(c, older_than=_YEARS)),
    Question("departures", lambda c, _: account.some_departures(c, count_max=5)),
    Question("last purges", lambda c, _: purge.last_purges(c)),
    Question("old creators", lambda c, _: purge.jobs_with_old_creators(c, until=_LONG_AGO, count_max=20)),
    Question("old profiles", lambda c, _: purge.delete_profiles(c, until=_LONG_AGO, count_max=1000)),
    Question("old letters", lambda c, _: purge.delete_letters(c, until=_LONG_AGO, count_max=1000)),
    Question("old settings", lambda c, _: purge.delete_setting_changes(c, until=_LONG_AGO, count_max=1000)),
    Question("old days", lambda c, _: purge.delete_owner_days(c, until=_LONG_AGO, count_max=1000)),
    Question("census of jobs", lambda c, _: census.count_jobs(c)),
    Question("census of steps", lambda c, _: census.count_steps(c)),
    Question("census of letters", lambda c, _: census.count_letters(c)),
)
"""Those that a sweep asks when nothing is wrong, in its order."""

LISTS: Final = (
    Question("newest jobs", lambda c, p: job_list.list_jobs(c, _jobs(p))),
    Question("a later page of jobs", lambda c, p: job_list.list_jobs(c, _jobs(p, before=p.middle_job_id))),
    Question(
        "jobs that run",
        lambda c, p: job_list.list_jobs(c, _jobs(p, statuses=[JobStatus.PENDING, JobStatus.PROCESSING])),
    ),
    Question("jobs that were broken off", lambda c, p: job_list.list_jobs(c, _jobs(p, statuses=[JobStatus.TIMEOUT]))),
    Question("jobs of a campaign", lambda c, p: job_list.list_jobs(c, _jobs(p, campaign_id=p.campaign_id))),
    Question(
        "campaigns",
        lambda c, p: campaign.list_campaigns(
            c, campaign.CampaignQuery(owner=p.owner, is_archived=None, before=None, count_max=_PAGE)
        ),
    ),
    Question("a campaign", lambda c, p: campaign.read_campaign(c, owner=p.owner, campaign_id=p.campaign_id)),
    Question("standing", lambda c, p: owner.view_standing(c, owner=p.owner)),
    Question("a job", lambda c, p: poll.read_job(c, owner=p.owner, job_id=p.job_id)),
    Question(
        "results",
        lambda c, p: result.list_found(
            c, result.ResultQuery(owner=p.owner, job_id=p.job_id, after=None, count_max=_PAGE)
        ),
    ),
)

USAGE: Final = (
    Question("usage of 30 days", lambda c, p: usage.sum_usage(c, **_days(p, 30))),
    Question("usage of 30 days by day", lambda c, p: usage.list_usage(c, _usage(p, 30))),
)

OPERATOR: Final = (
    Question("open letters", lambda c, _: operator.open_letter_ids(c)),
    Question("letters", lambda c, _: administration.read_letters(c, administration.LetterFilter(count_max=_PAGE))),
    Question(
        "open letters in full",
        lambda c, _: administration.read_letters(c, administration.LetterFilter(is_open=True, count_max=_PAGE)),
    ),
    Question("jobs of a reference", lambda c, _: operator.jobs_of_reference(c, reference="0123456789ab")),
    Question("platforms", lambda c, _: operator.list_platforms(c)),
    Question("spending", lambda c, _: operator.read_spending(c)),
    Question(
        "a person", lambda c, _: operator.find_person(c, platform="tiktok", handle="nobody.here", with_data=False)
    ),
    Question("searches of a job", lambda c, p: operator.searches_of_job(c, job_id=p.job_id)),
    Question("funnel of a job", lambda c, p: operator.funnel_of_job(c, job_id=p.job_id)),
    Question("last calls of a job", lambda c, p: operator.last_calls(c, job_id=p.job_id, count_max=20)),
    Question("changes of settings", lambda c, _: administration.list_setting_changes(c, administration.ChangeFilter())),
)

GROUPS: Final = (
    Group("a sweep that finds nothing", "webhook", False, True, SWEEP),
    Group("lists of the largest owner", "gateway", True, True, LISTS),
    Group("lists of one of many", "gateway", True, False, (*LISTS, *USAGE)),
    Group("what operators look up", "operator", False, True, OPERATOR),
)
