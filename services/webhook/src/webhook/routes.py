"""The routes: each names its own address, which is what its signature is checked against."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from common.db.ping import ping
from common.db.pool import DATABASE_UNAVAILABLE
from common.metric.registry import MEDIA_TYPE
from webhook.answer import Answer, Outcome, Record
from webhook.composition import FAILURE_PATH, STEP_PATH, SWEEP_PATH, Webhook
from webhook.delivery import deliver
from webhook.failure import handle_failure
from webhook.reception import Received, receive, refuse_replay, remember
from webhook.sweep import sweep_once

HANDLING_MAX_S = 15.0  # below the 30 s that QStash waits for us, and the 20 s that a shutdown does
READY_MAX_S = 2.0
STEP_BYTES_MAX = 64 * 1024
CALLBACK_BYTES_MAX = 1024 * 1024  # it quotes what answered for us, a proxy's error page for instance

AnyRequest = Request[Any, Any, Any]
Handle = Callable[[Webhook, Received], Awaitable[Answer]]


@post(STEP_PATH, status_code=200, request_max_body_size=STEP_BYTES_MAX)
async def process_scraping(request: AnyRequest, webhook: NamedDependency[Webhook]) -> Response[dict[str, Any]]:
    """A step, or the old body that names a job alone."""
    return await _answer(request, webhook, STEP_PATH, deliver)


@post(FAILURE_PATH, status_code=200, request_max_body_size=CALLBACK_BYTES_MAX)
async def job_failed(request: AnyRequest, webhook: NamedDependency[Webhook]) -> Response[dict[str, Any]]:
    """QStash's report of a step that it could not deliver."""
    return await _answer(request, webhook, FAILURE_PATH, handle_failure)


@post(SWEEP_PATH, status_code=200, request_max_body_size=STEP_BYTES_MAX)
async def sweep(request: AnyRequest, webhook: NamedDependency[Webhook]) -> Response[dict[str, Any]]:
    """QStash's schedule asks for a sweep; its body says nothing."""
    received = await receive(request, webhook, path=SWEEP_PATH)
    await refuse_replay(webhook, received)
    await sweep_once(webhook.resources)
    await remember(webhook, received)
    return _respond(request, Answer(Outcome.REQUESTED))


@get("/livez", sync_to_thread=False)
def livez() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@get("/readyz")
async def readyz(webhook: NamedDependency[Webhook]) -> Response[dict[str, str]]:
    """Postgres answers, NATS is connected, and the process is not on its way out."""
    reason = await _why_not_ready(webhook)
    if reason is None:
        return Response({"status": "ok"})
    return Response({"status": "not ready", "reason": reason}, status_code=503)


@get("/metrics", sync_to_thread=False)
def metrics(webhook: NamedDependency[Webhook]) -> Response[bytes]:
    """For Prometheus."""
    return Response(webhook.metrics.render(), media_type=MEDIA_TYPE)


async def _answer(request: AnyRequest, webhook: Webhook, path: str, handle: Handle) -> Response[dict[str, Any]]:
    received = await receive(request, webhook, path=path)
    async with asyncio.timeout(HANDLING_MAX_S):
        return _respond(request, await handle(webhook, received))


def _respond(request: AnyRequest, answer: Answer) -> Response[dict[str, Any]]:
    record = Record.of(request.scope)
    record.outcome = answer.outcome
    record.facts = answer.facts
    return Response(answer.document)


async def _why_not_ready(webhook: Webhook) -> str | None:
    if webhook.life.is_draining:
        return "draining"
    if not webhook.resources.messaging.is_connected:
        return "nats"
    try:
        async with asyncio.timeout(READY_MAX_S), webhook.resources.database.connection() as connection:
            await ping(connection)
    except DATABASE_UNAVAILABLE:
        return "postgres"
    return None
