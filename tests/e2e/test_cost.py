"""What jobs cost is what is promised: the runs of `make cost`, smaller, judged as there."""

import importlib
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from local.client import Snapshot
from local.cost.bill import Bill, Unavailable
from local.cost.command import show
from local.cost.run import EVERY_RUN, RUNS, Promise, Run, smaller
from local.cost.till import Till
from local.cost.verdict import judge
from local.stack import Stack

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]

KEYWORD = "bookbinding"  # that no other test of this stack searches for: the first run shall find no profile cached
TARGET_MAX = 60
SMALLER = tuple(replace(run, keyword=run.keyword and KEYWORD) for run in smaller(RUNS, TARGET_MAX))
COLD, AGAIN = 0, 1

Outcome = Bill | Unavailable


def is_supported(run: Run) -> bool:
    """What the platform's own table says."""
    table = getattr(importlib.import_module(f"{run.platform}.table"), run.platform.upper())
    return run.mode in table.modes


def ignore(phase: str, job: Snapshot) -> None:
    del phase, job


@pytest.fixture(scope="module")
def outcomes(stack: Stack) -> list[Outcome]:
    return Till(stack, ignore).run(SMALLER)


@pytest.fixture(scope="module")
def bills(outcomes: Sequence[Outcome]) -> list[Bill]:
    return [outcome for outcome in outcomes if isinstance(outcome, Bill)]


def test_every_run_is_made_or_said_to_be_not_available(outcomes: Sequence[Outcome]) -> None:
    assert [outcome.run.name for outcome in outcomes] == [run.name for run in SMALLER]
    for outcome in outcomes:
        assert isinstance(outcome, Bill) == is_supported(outcome.run), outcome.run.name
    assert {outcome.run.platform for outcome in outcomes if isinstance(outcome, Bill)} == {
        "tiktok",
        "instagram",
        "youtube",
    }


def test_no_promise_is_broken(bills: Sequence[Bill]) -> None:
    assert [one.line for one in judge(bills)] == []
    assert all(bill.delivered == bill.run.target for bill in bills)


def test_a_job_run_again_pays_for_pages_only(outcomes: Sequence[Outcome]) -> None:
    """However fast profiles come, the same people get the places."""
    cold, again = outcomes[COLD], outcomes[AGAIN]
    assert isinstance(cold, Bill)
    assert isinstance(again, Bill)
    assert cold.profiles > 40
    assert again.pages <= cold.pages + 1
    assert again.profiles == 0


def test_the_numbers_of_a_bill_add_up(bills: Sequence[Bill]) -> None:
    for bill in bills:
        assert bill.delivered <= bill.candidate_count
        assert sum(bill.enrichments.values()) <= bill.candidate_count
        assert bill.enrichments["bought"] <= bill.profiles
        assert 0 < bill.with_email < bill.delivered
        assert bill.credits > 0


def spoilt(bill: Bill, promise: Promise) -> list[Bill]:
    """Bills that break this promise alone of all, each in another way."""
    free = replace(bill, profiles=0, asked=(), paid_count=bill.pages)
    match promise:
        case Promise.COMPLETED:
            return [replace(bill, status="timeout", stop_reason="deadline")]
        case Promise.CREDITS_AGREE:
            return [replace(bill, charged=bill.credits + 1), replace(bill, charged=bill.credits - 1)]
        case Promise.LACKING_ONLY:
            return [replace(bill, paid_count=bill.pages + bill.new_lacking_count + 1)]
        case Promise.PAGES_ONLY:
            return [replace(free, profiles=1), replace(free, paid_count=bill.pages + 1)]
        case Promise.NO_PROFILE:
            return [replace(free, profiles=1), replace(free, asked=("mira.ovens",))]
        case Promise.ASKED_ONCE:
            again, other = (*bill.asked[1:], bill.asked[1]), (*bill.asked, "UCsomebodyelse")
            return [replace(bill, asked=again), replace(bill, asked=other), replace(bill, asked=bill.asked[1:])]


@pytest.mark.parametrize("promise", Promise)
def test_a_broken_promise_is_named_in_red_and_ends_with_1(bills: Sequence[Bill], promise: Promise) -> None:
    [bill] = [one for one in bills if one.run.name.startswith("youtube keyword")]
    run = replace(bill.run, promises=() if promise in EVERY_RUN else (promise,))
    for broken in spoilt(replace(bill, run=run), promise):
        assert [one.promise for one in judge([broken])] == [promise]
        console = Console(file=StringIO(), force_terminal=True, color_system="standard", width=200)
        assert show([broken], console) == 1
        output = console.file.getvalue()  # type: ignore[attr-defined]
        assert f"\x1b[31myoutube keyword 60: broken: {promise.value}" in output


def test_a_run_that_is_not_available_is_a_row_and_ends_with_1(bills: Sequence[Bill]) -> None:
    kept = [bill for bill in bills if bill.run.platform == "youtube"]
    console = Console(file=StringIO(), width=200)
    assert show(kept, console) == 0
    assert show([*kept, Unavailable(run=Run(platform="instagram", target=300, keyword="vegan"))], console) == 1
    output = console.file.getvalue()  # type: ignore[attr-defined]
    assert "not available: instagram keyword 300\n" in output
    [row] = [line for line in output.splitlines() if line.strip().startswith("instagram")]
    assert "not available" in row


@pytest.mark.parametrize("width", [60, 120, 200])
def test_no_number_of_the_table_is_cut_off(bills: Sequence[Bill], width: int) -> None:
    console = Console(file=StringIO(), width=width)
    show([*bills, Unavailable(run=Run(platform="instagram", target=300, keyword="vegan"))], console)
    table = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in table
    for bill in bills:
        assert f"{bill.credits / bill.delivered:.2f}" in table
