"""Decides what becomes of candidates once their profiles are known, and how the reserve moves up."""

from dataclasses import dataclass
from datetime import datetime

from common.domain.creator import Account, Creator
from common.domain.outcome import Enrichment, Outcome
from common.engine.brief import Brief
from common.engine.fact import JobFacts
from common.engine.filter import examine, rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class Enriched:
    """A pending candidate with all that could be learnt of it: `found` as it was, `account` as it is known now."""

    found: Creator
    account: Account
    enrichment: Enrichment
    seen_at: datetime | None = None  # when the profile was read, None if none was


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`rule` names what rejected the candidate, "" if nothing did."""

    outcome: Outcome
    rule: str = ""


def judge(brief: Brief, creator: Creator) -> Verdict:
    """Whether a pending candidate of whom nothing more will be learnt becomes a creator."""
    if creator.account.private:
        return Verdict(outcome=Outcome.PRIVATE)
    rule = rejection(brief.filters, examine(brief.filters, creator, now=brief.now), is_settled=True)
    if rule is not None:
        return Verdict(outcome=Outcome.FILTERED, rule=rule)
    return Verdict(outcome=Outcome.DELIVERED)


def judge_at_end(brief: Brief, creator: Creator) -> Verdict:
    """The same for one whose profile the end of the job did not wait for: what the filters do not let pass as known is
    surplus, nobody knows what it would have been."""
    verdict = judge(brief, creator)
    return Verdict(outcome=Outcome.SURPLUS) if verdict.outcome is Outcome.FILTERED else verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """What a commit that may leave the target open does next."""

    promoted_max: int  # so many of the reserve take the open places first
    is_released: bool  # places remain after that: the held successors become due


def decide_refill(job: JobFacts) -> Refill:
    """The reserve fills open places before any page is fetched; only what is left after it releases pages."""
    if job.status.is_final:
        return Refill(promoted_max=0, is_released=False)
    promoted = min(job.open_places, job.reserve)
    return Refill(promoted_max=promoted, is_released=job.open_places > promoted)
