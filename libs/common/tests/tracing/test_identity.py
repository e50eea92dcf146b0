"""Ids of traces follow from the ids of what they are of."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.step import DueStep
from common.tracing.identity import Place, job_place, step_trace_id

JOB, SEARCH = UUID("0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d"), UUID("0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6e")
LOWER = 2**64 - 1

messages = st.builds(
    DueStep,
    job_id=st.uuids(),
    search_id=st.uuids(),
    step=st.integers(0, 2**31 - 1),
    generation=st.integers(0, 2**31 - 1),
)


def test_the_ids_are_those_that_they_have_always_been() -> None:
    """Two versions that run side by side, and whoever looks up an old job, must agree."""
    place = job_place(JOB)
    message = DueStep(job_id=JOB, search_id=SEARCH, step=3, generation=1)
    assert (place.trace_hex, place.span_hex) == ("1ca0c904f0c0f4aa1f33fa704612d082", "7bfb4ecc622d4ae1")
    assert f"{step_trace_id(message):032x}" == "f84a5c6d819706ae1f33fa704612d082"


@given(messages)
def test_a_step_shares_the_half_that_samplers_look_at_with_its_job_and_nothing_else(message: DueStep) -> None:
    job, step = job_place(message.job_id), step_trace_id(message)
    assert job.trace_id & LOWER == step & LOWER != 0
    assert job.trace_id != step


@given(messages, st.sampled_from(["search_id", "step", "generation"]))
def test_another_search_step_or_generation_is_another_trace(message: DueStep, what: str) -> None:
    value = getattr(message, what)
    other = message.model_copy(update={what: UUID(int=value.int ^ 1) if isinstance(value, UUID) else value ^ 1})
    assert step_trace_id(other) != step_trace_id(message)
    assert step_trace_id(message.model_copy()) == step_trace_id(message)


def test_jobs_of_the_same_moment_are_spread_over_what_samplers_look_at() -> None:
    """UUIDv7 in a row differ in a few bits; a quarter of their traces is a quarter all the same."""
    kept = sum(job_place(UUID(int=JOB.int + number)).trace_id & LOWER < 2**62 for number in range(2000))
    assert 400 < kept < 600


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_a_header_tells_the_place_it_was_made_of(trace_id: int, span_id: int, is_sampled: bool) -> None:
    place = Place(trace_id, span_id, is_sampled)
    assert Place.read(place.header) == place
    assert len(place.header) == 55


GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "canary",
        GOOD.upper(),
        "01" + GOOD[2:],
        GOOD + "-00",
        GOOD + "\n",
        GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        GOOD.replace("00f067aa0ba902b7", "0" * 16),
        GOOD[:-2] + "zz",
    ],
)
def test_what_is_no_header_of_ours_is_none(header: str | None) -> None:
    assert Place.read(header) is None


def test_flags_that_we_do_not_know_are_let_be() -> None:
    place = Place.read(GOOD)
    assert place is not None
    assert Place.read(GOOD[:-2] + "03") == place
    assert Place.read(GOOD[:-2] + "02") == replace(place, is_sampled=False)
