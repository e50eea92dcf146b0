"""What is kept of a job is told only while it stands where it stood."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from common.db.poll import JobState, JobView
from gateway.shelf import KEPT_S, JobShelf

STATE = JobState(
    id=uuid4(),
    owner="user:ada",
    platform="tiktok",
    event_seq=3,
    status="processing",
    revision=7,
    waiting_on=None,
    waiting_until=None,
)


def view(state: JobState = STATE, **changes: Any) -> JobView:
    facts = {"id": state.id, "revision": 7, "event_seq": 3, "waiting_on": None, "waiting_until": None}
    return JobView.model_construct(**{**facts, **changes})


def test_a_kept_answer_is_found_until_the_job_stands_elsewhere_or_a_minute_is_over() -> None:
    now = 0.0
    shelf = JobShelf(now=lambda: now)
    assert shelf.find(STATE) is None
    kept = shelf.keep(view(), b"{}")
    assert shelf.find(STATE) is kept
    for elsewhere in (
        replace(STATE, id=uuid4()),
        replace(STATE, revision=8),
        replace(STATE, event_seq=4),
        replace(STATE, waiting_on="operator"),
        replace(STATE, waiting_until=datetime(2026, 1, 1, tzinfo=UTC)),
    ):
        assert shelf.find(elsewhere) is None
    now = KEPT_S
    assert shelf.find(STATE) is None


@pytest.mark.parametrize("kept_max", [1, 3])
def test_the_oldest_goes_when_there_is_no_more_place(kept_max: int) -> None:
    shelf = JobShelf(kept_max=kept_max)
    states = [replace(STATE, id=uuid4()) for _ in range(kept_max + 1)]
    for state in states:
        shelf.keep(view(state), b"{}")
    assert [shelf.find(state) is not None for state in states] == [False] + [True] * kept_max


def test_an_answer_that_counts_others_is_not_kept() -> None:
    shelf = JobShelf()
    shelf.keep(view(waiting_on="owner_limit"), b"{}")
    assert shelf.find(replace(STATE, waiting_on="owner_limit")) is None
