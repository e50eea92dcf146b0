"""Which final jobs may start another run, and which of their searches go on in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.job import TRANSITIONS, Action, JobStatus
from common.engine.end import FAILED_ENDS
from common.engine.page import CALL_LIMIT
from common.engine.reopening import Budget, Refusal, limit_reached, refuse, resumable_ends

BUDGET = Budget(pages=3, pages_max=10, credits=40, credits_max=50)
GOES_ON = {"job_ended", "failed", "shape", "refused", "deadline", "call_limit", "credit_limit"}
STAYS_ENDED = {"exhausted", "cursor_stuck", "repeated", "nothing_new", "not_found"}


@pytest.mark.parametrize(
    ("status", "retry", "extend"),
    [
        (JobStatus.PENDING, Refusal.NOT_FINAL, Refusal.NOT_FINAL),
        (JobStatus.PROCESSING, Refusal.NOT_FINAL, Refusal.NOT_FINAL),
        (JobStatus.COMPLETED, Refusal.NOT_RETRYABLE, None),
        (JobStatus.ERROR, None, Refusal.NOT_EXTENDABLE),
        (JobStatus.TIMEOUT, None, Refusal.NOT_EXTENDABLE),
        (JobStatus.CANCELLED, Refusal.NOT_RETRYABLE, Refusal.NOT_EXTENDABLE),
    ],
)
def test_what_may_follow_each_status(status: JobStatus, retry: Refusal | None, extend: Refusal | None) -> None:
    assert refuse(status, Action.RETRY, target_before=10, target=10) is retry
    assert refuse(status, Action.EXTEND, target_before=10, target=11) is extend


def test_an_extended_job_needs_a_higher_target() -> None:
    for target, refusal in ((9, Refusal.TARGET_NOT_HIGHER), (10, Refusal.TARGET_NOT_HIGHER), (11, None)):
        assert refuse(JobStatus.COMPLETED, Action.EXTEND, target_before=10, target=target) is refusal


@given(
    status=st.sampled_from(JobStatus),
    action=st.sampled_from(Action),
    before=st.integers(1, 100),
    target=st.integers(1, 100),
)
def test_what_is_not_refused_is_in_the_table_of_transitions(
    status: JobStatus, action: Action, before: int, target: int
) -> None:
    """So the database does not refuse it either."""
    target = before if action is Action.RETRY else target
    if refuse(status, action, target_before=before, target=target) is None:
        assert TRANSITIONS[status, JobStatus.PENDING] is action
        assert target > before or action is Action.RETRY


def test_what_the_upstream_ended_stays_ended() -> None:
    ends = resumable_ends(BUDGET)
    assert ends == GOES_ON
    assert not ends & STAYS_ENDED
    assert ends >= FAILED_ENDS | {CALL_LIMIT}


@pytest.mark.parametrize(
    ("used_up", "limit"),
    [
        ({"pages": 10}, "call_limit"),
        ({"pages": 11}, "call_limit"),
        ({"credits": 50}, "credit_limit"),
        ({"credits": 51}, "credit_limit"),
        ({"pages": 10, "credits": 50}, "credit_limit"),
    ],
)
def test_where_a_limit_is_used_up_no_search_goes_on(used_up: dict[str, int], limit: str) -> None:
    """A page needs both a page and a credit."""
    budget = replace(BUDGET, **used_up)
    assert resumable_ends(budget) == frozenset()
    assert limit_reached(budget) == limit
    assert limit in GOES_ON, "it goes on when the limit allows more"


def test_the_last_page_and_the_last_credit_are_enough() -> None:
    budget = replace(BUDGET, pages=9, credits=49)
    assert resumable_ends(budget) == GOES_ON
    assert limit_reached(budget) is None


def test_every_refusal_is_a_sentence_for_people() -> None:
    assert len({refusal.value for refusal in Refusal}) == len(Refusal)
    for refusal in Refusal:
        assert " " in refusal.value
