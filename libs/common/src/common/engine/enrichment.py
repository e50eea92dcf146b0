"""Decides what becomes of candidates once their profiles are known, and how the reserve moves up."""

from dataclasses import dataclass

from common.domain.creator import Account
from common.domain.outcome import Enrichment, Outcome
from common.engine.fact import JobFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Enriched:
    """A pending candidate with all that could be learnt of it."""

    platform_id: str
    account: Account
    enrichment: Enrichment


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`rule` names what rejected the candidate, "" if nothing did."""

    outcome: Outcome
    rule: str = ""


def judge(account: Account) -> Verdict:
    """Whether a pending candidate becomes a creator. What is unknown does not speak against it."""
    if account.private:
        return Verdict(outcome=Outcome.PRIVATE)
    return Verdict(outcome=Outcome.DELIVERED)


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
