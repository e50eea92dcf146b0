"""Decides which promises a bill breaks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from local.cost.bill import Bill, Unavailable
from local.cost.run import EVERY_RUN, Promise, Run


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that a run did not keep, and what was found instead."""

    run: Run
    promise: Promise
    found: str

    @property
    def line(self) -> str:
        return f"{self.run.name}: broken: {self.promise.value}; {self.found}"


def judge(bills: Sequence[Bill | Unavailable]) -> list[Broken]:
    """Every broken promise, in the order of the runs."""
    return [broken for bill in bills if isinstance(bill, Bill) for broken in _judge(bill)]


def _judge(bill: Bill) -> list[Broken]:
    found = {promise: _CHECKS[promise](bill) for promise in (*EVERY_RUN, *bill.run.promises)}
    return [Broken(bill.run, promise, wrong) for promise, wrong in found.items() if wrong]


def _completed(bill: Bill) -> str | None:
    return None if bill.status == "completed" else f"it ended as {bill.status} ({bill.stop_reason})"


def _credits_agree(bill: Bill) -> str | None:
    return None if bill.credits == bill.charged else f"the job says {bill.credits}, the upstream {bill.charged}"


def _lacking_only(bill: Bill) -> str | None:
    allowed = bill.pages + bill.new_lacking_count
    if bill.paid_count <= allowed:
        return None
    return f"{bill.paid_count} paid calls, {bill.pages} pages, {bill.new_lacking_count} new candidates lacked a profile"


def _pages_only(bill: Bill) -> str | None:
    if bill.profiles == 0 and bill.paid_count <= bill.pages:
        return None
    return f"{bill.paid_count} paid calls, {bill.pages} pages, {bill.profiles} profiles"


def _no_profile(bill: Bill) -> str | None:
    if bill.profiles == 0 and not bill.asked:
        return None
    return f"{bill.profiles} profiles, {len(bill.asked)} calls to the endpoint"


def _asked_once(bill: Bill) -> str | None:
    again = [account for account, count in Counter(bill.asked).items() if count > 1]
    if again:
        return f"{len(bill.asked)} calls for {len(set(bill.asked))} accounts, {again[0]} more than once"
    # A similar job's target is asked for at the same endpoint, as a page.
    due = bill.profiles + (bill.run.mode == "similar")
    return None if len(bill.asked) == due else f"{len(bill.asked)} calls to the endpoint, {due} were due"


_CHECKS: Final[Mapping[Promise, Callable[[Bill], str | None]]] = {
    Promise.COMPLETED: _completed,
    Promise.CREDITS_AGREE: _credits_agree,
    Promise.LACKING_ONLY: _lacking_only,
    Promise.PAGES_ONLY: _pages_only,
    Promise.NO_PROFILE: _no_profile,
    Promise.ASKED_ONCE: _asked_once,
}
