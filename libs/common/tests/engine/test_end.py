"""How jobs end, and how far they say they are."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from common.domain.job import JobStatus, StopReason
from common.engine.end import decide_broken, decide_end, progress, target_missing, target_private
from common.engine.enrichment import decide_refill
from common.engine.fact import JobFacts

JOB = JobFacts(status=JobStatus.PROCESSING, target=10, delivered=3, pending=0, reserve=0, pages=1, pages_max=5)


def test_a_full_target_ends_a_job_even_if_searches_could_go_on() -> None:
    end = decide_end(replace(JOB, delivered=10), open_searches=3, ends=frozenset())
    assert end is not None
    assert (end.status, end.stop_reason) == (JobStatus.COMPLETED, StopReason.TARGET_REACHED)


def test_pending_candidates_keep_a_job_going() -> None:
    assert decide_end(replace(JOB, pending=1), open_searches=0, ends=frozenset({"exhausted"})) is None


def test_open_searches_keep_a_job_going() -> None:
    assert decide_end(JOB, open_searches=1, ends=frozenset({"exhausted"})) is None


def test_a_final_job_does_not_end_again() -> None:
    final = replace(JOB, status=JobStatus.CANCELLED, delivered=10)
    assert decide_end(final, open_searches=0, ends=frozenset()) is None


def test_limits_and_exhaustion_are_completed_with_their_reason() -> None:
    for ends, reason in (
        ({"exhausted"}, StopReason.EXHAUSTED),
        ({"exhausted", "call_limit"}, StopReason.CALL_LIMIT),
        ({"call_limit", "credit_limit"}, StopReason.CREDIT_LIMIT),
        ({"failed", "exhausted"}, StopReason.EXHAUSTED),
    ):
        end = decide_end(JOB, open_searches=0, ends=frozenset(ends))
        assert end is not None
        assert (end.status, end.stop_reason, end.error) == (JobStatus.COMPLETED, reason, None)


def test_a_job_is_an_error_only_if_a_search_failed_and_nothing_was_delivered() -> None:
    nothing = replace(JOB, delivered=0)
    for failure in ("failed", "shape", "refused"):
        end = decide_end(nothing, open_searches=0, ends=frozenset({failure, "exhausted"}))
        assert end is not None
        assert (end.status, end.stop_reason) == (JobStatus.ERROR, StopReason.FAILED)
        assert end.error
    end = decide_end(nothing, open_searches=0, ends=frozenset({"exhausted"}))
    assert end is not None
    assert end.status is JobStatus.COMPLETED


def test_a_broken_job_keeps_what_it_found() -> None:
    assert decide_broken(JOB).status is JobStatus.COMPLETED
    assert decide_broken(replace(JOB, delivered=0)).status is JobStatus.ERROR


def test_a_target_that_cannot_be_had_is_an_error_that_says_what_and_where() -> None:
    missing, private = target_missing("mira", "TikTok"), target_private("mira", "TikTok")
    assert (missing.status, missing.stop_reason) == (JobStatus.ERROR, StopReason.TARGET_NOT_FOUND)
    assert (private.status, private.stop_reason) == (JobStatus.ERROR, StopReason.TARGET_PRIVATE)
    assert missing.error == "TikTok has no account named mira"
    assert private.error == "the TikTok account mira is private, so nobody can be compared with it"


@given(st.integers(1, 200), st.integers(0, 200), st.integers(1, 10_000), st.integers(0, 10_000))
def test_progress_is_a_percentage_and_grows_with_pages_and_creators(
    pages_max: int, pages: int, target: int, delivered: int
) -> None:
    job = replace(
        JOB, pages=min(pages, pages_max), pages_max=pages_max, target=target, delivered=min(delivered, target)
    )
    assert 0 <= progress(job) <= 100
    assert progress(job) <= progress(replace(job, delivered=target, pages=pages_max)) == 100


def test_progress_weighs_pages_thirty_and_creators_seventy() -> None:
    assert progress(replace(JOB, pages=5, delivered=0)) == 30
    assert progress(replace(JOB, pages=0, delivered=5)) == 35
    assert progress(replace(JOB, status=JobStatus.COMPLETED, pages=0, delivered=0)) == 100


@given(st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
def test_the_reserve_fills_open_places_before_pages_are_released(delivered: int, pending: int, reserve: int) -> None:
    pending = min(pending, 10 - delivered)
    job = replace(JOB, delivered=delivered, pending=pending, reserve=reserve)
    refill = decide_refill(job)
    assert refill.promoted_max == min(reserve, job.open_places)
    assert refill.is_released == (job.open_places > reserve)
    assert decide_refill(replace(job, status=JobStatus.TIMEOUT)).promoted_max == 0
