"""What is sent to QStash, word for word, and what becomes of a QStash that does not answer as it should."""

import asyncio
import hashlib
import json
import time
import traceback
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from common.domain.message import StepMessage
from common.domain.step import DueStep
from common.qstash.publisher import PUBLISH_MAX_S, QStashPublisher, QStashUnavailableError, deduplication_id
from common.settings import QStashSettings

JOB, SEARCH = UUID("0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d"), UUID("0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6e")
STEP = DueStep(job_id=JOB, search_id=SEARCH, step=3, generation=1)


async def test_a_step_is_published_word_for_word(recorder: Any, publisher: QStashPublisher) -> None:
    assert await publisher.publish(STEP) == "msg_1"
    [asked] = recorder.asked
    assert asked.method == "POST"
    assert asked.path == "/v2/publish/https://hooks.example/base/api/qstash/process-scraping"
    told = {name: value for name, value in asked.headers.items() if name.startswith("upstash-")}
    assert told == {
        "upstash-method": "POST",
        "upstash-retries": "3",
        "upstash-timeout": "30s",
        "upstash-deduplication-id": hashlib.sha256(f"{SEARCH}:3:1".encode()).hexdigest(),
        "upstash-failure-callback": "https://hooks.example/base/api/qstash/job-failed",
        "upstash-failure-callback-retries": "3",
    }
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == "Bearer eyJ-token-that-nobody-may-see"
    assert json.loads(asked.body) == {"jobId": str(JOB), "searchId": str(SEARCH), "step": 3, "generation": 1}
    assert StepMessage.model_validate_json(asked.body) == STEP.message


@pytest.mark.parametrize(
    ("delay", "sent"),
    [
        (timedelta(0), None),
        (timedelta(seconds=-5), None),
        (timedelta(milliseconds=1), "1s"),
        (timedelta(seconds=1), "1s"),
        (timedelta(seconds=1, microseconds=1), "2s"),
        (timedelta(hours=1), "3600s"),
    ],
)
async def test_a_delay_is_rounded_up(
    recorder: Any, publisher: QStashPublisher, delay: timedelta, sent: str | None
) -> None:
    """Early would be too early; none is not said at all."""
    await publisher.publish(STEP.model_copy(update={"delay": delay}))
    assert recorder.asked[0].headers.get("upstash-delay") == sent


@given(step=st.integers(0, 2**31 - 1), generation=st.integers(0, 2**31 - 1), search=st.uuids())
def test_the_deduplication_id_names_search_step_and_generation(step: int, generation: int, search: UUID) -> None:
    """Hex alone, since QStash refuses colons; the delay and the job do not count."""
    due = DueStep(job_id=JOB, search_id=search, step=step, generation=generation)
    name = deduplication_id(due)
    assert len(name) == 64
    assert set(name) <= set("0123456789abcdef")
    assert deduplication_id(due.model_copy(update={"delay": timedelta(hours=1)})) == name
    for other in ({"step": step + 1}, {"generation": generation + 1}, {"search_id": JOB}):
        assert deduplication_id(due.model_copy(update=other)) != name


async def test_the_same_step_is_told_the_same_way_again(recorder: Any, publisher: QStashPublisher) -> None:
    for _ in range(2):
        await publisher.publish(STEP)
    first, second = recorder.asked
    assert first == second


async def test_a_connection_that_breaks_is_tried_again(recorder: Any, publisher: QStashPublisher) -> None:
    recorder.answers[:0] = [None, None]
    assert await publisher.publish(STEP) == "msg_1"
    assert len(recorder.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 429, 500, 503])
async def test_a_refusal_is_an_outage_that_shows_no_token(
    recorder: Any, publisher: QStashPublisher, status: int
) -> None:
    recorder.answers = [(status, '{"error": "no"}')]
    await fails(publisher)


async def fails(publisher: QStashPublisher) -> None:
    with pytest.raises(QStashUnavailableError) as caught:
        await publisher.publish(STEP)
    told = "".join(traceback.format_exception(caught.value))
    assert "nobody-may-see" not in told
    assert "nobody-may-see" not in repr(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_qstash_that_hangs_up_is_an_outage(recorder: Any, publisher: QStashPublisher) -> None:
    recorder.answers = [None]
    await fails(publisher)
    assert len(recorder.asked) == 3


async def test_a_qstash_that_is_not_there_or_never_answers_is_told_within_the_bound(
    recorder: Any, publisher: QStashPublisher, free_port: int
) -> None:
    recorder.answers = [""]
    settings = QStashSettings(
        qstash_url=f"http://127.0.0.1:{free_port}",
        qstash_token=SecretStr("eyJ-token-that-nobody-may-see"),
        public_webhook_url="https://hooks.example",
    )
    absent = QStashPublisher(settings)
    began = time.monotonic()
    await fails(absent)
    assert time.monotonic() - began < PUBLISH_MAX_S
    began = time.monotonic()
    await asyncio.gather(fails(publisher), fails_to_schedule(publisher))
    assert time.monotonic() - began < PUBLISH_MAX_S * 2, "one after the other they would take longer"
    await absent.close()


async def fails_to_schedule(publisher: QStashPublisher) -> None:
    with pytest.raises(QStashUnavailableError):
        await publisher.keep_schedule(path="/api/qstash/sweep", schedule_id="sweep", cron="* * * * *")


@pytest.mark.parametrize("text", ["<html>a proxy says hello</html>", "", "{}"])
async def test_an_answer_that_is_none_is_an_outage(recorder: Any, publisher: QStashPublisher, text: str) -> None:
    """A captive proxy answers 200 with a page: the step was not taken, so the sweep must publish it."""
    recorder.answers = [(200, text)]
    await fails(publisher)


async def test_a_schedule_is_kept_under_its_own_name(recorder: Any, publisher: QStashPublisher) -> None:
    recorder.answers = [(200, '{"scheduleId": "sweep"}')]
    await publisher.keep_schedule(path="/api/qstash/sweep", schedule_id="sweep", cron="* * * * *")
    [asked] = recorder.asked
    assert (asked.method, asked.path) == ("POST", "/v2/schedules/https://hooks.example/base/api/qstash/sweep")
    assert asked.headers["upstash-cron"] == "* * * * *"
    assert asked.headers["upstash-schedule-id"] == "sweep"
    assert (asked.headers["upstash-method"], asked.headers["upstash-retries"]) == ("POST", "0")


async def test_a_proxy_of_the_environment_does_not_get_what_is_for_loopback(
    recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the doors to the upstream and to the issuer keep it."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings = QStashSettings(
        qstash_url=recorder.url, qstash_token=SecretStr("token"), public_webhook_url="https://hooks.example"
    )
    publisher = QStashPublisher(settings)
    assert await publisher.publish(STEP) == "msg_1"
    await publisher.close()
