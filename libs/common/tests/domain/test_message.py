"""The one message: four values in camelCase, and nothing else passes."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.domain.message import STEP_MAX, JobMessage, StepMessage
from common.domain.step import DueStep

JOB, SEARCH = "0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d", "0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6e"
GOOD = {"jobId": JOB, "searchId": SEARCH, "step": 3, "generation": 0}


def read(body: dict[str, Any]) -> StepMessage:
    return StepMessage.model_validate_json(json.dumps(body))


@given(job=st.uuids(), search=st.uuids(), step=st.integers(0, STEP_MAX), generation=st.integers(0, STEP_MAX))
def test_a_message_survives_its_way_as_four_camel_case_values(
    job: UUID, search: UUID, step: int, generation: int
) -> None:
    due = DueStep(job_id=job, search_id=search, step=step, generation=generation)
    text = due.message.model_dump_json()
    expected = {"jobId": str(job), "searchId": str(search), "step": step, "generation": generation}
    assert json.loads(text) == expected
    assert StepMessage.model_validate_json(text) == due.message


@pytest.mark.parametrize("name", ["step", "generation"])
@pytest.mark.parametrize("value", [-1, 1.0, 1.5, True, False, "1", None, [1], STEP_MAX + 1, 1e3, 10**30])
def test_a_count_is_a_whole_number_from_zero(name: str, value: Any) -> None:
    """No float, no bool, no text, nothing below zero, nothing beyond what the database holds."""
    with pytest.raises(ValidationError):
        read({**GOOD, name: value})


@pytest.mark.parametrize("name", ["jobId", "searchId"])
@pytest.mark.parametrize("value", ["", "x", 1, None, JOB + "0", "../" + JOB, [JOB]])
def test_an_id_is_a_uuid(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        read({**GOOD, name: value})


@pytest.mark.parametrize("name", GOOD)
def test_nothing_may_be_missing(name: str) -> None:
    with pytest.raises(ValidationError):
        read({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize("extra", [{"token": "secret"}, {"JobId": JOB}, {"_": None}])
def test_nothing_may_be_added_and_no_error_shows_it(extra: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        read({**GOOD, **extra})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"x"', "\ufeff{}", "{}{}"])
def test_what_is_no_message_is_refused(text: str) -> None:
    for model in (StepMessage, JobMessage):
        with pytest.raises(ValidationError):
            model.model_validate_json(text)


def test_the_old_body_names_a_job_alone() -> None:
    assert JobMessage.model_validate_json(json.dumps({"jobId": JOB})).job_id == UUID(JOB)
    with pytest.raises(ValidationError):
        JobMessage.model_validate_json(json.dumps(GOOD))


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        read(GOOD).step = 4  # pyright: ignore
