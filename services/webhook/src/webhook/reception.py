"""What every route of QStash does: read the raw body, believe the signature, refuse a replay, remember the token."""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog
from litestar import Request

from common.crash import CrashPoint
from common.db.delivery import insert_delivery, is_replay
from common.tracing.hop import HEADER, now_ns
from webhook.composition import Webhook
from webhook.problem import Kind, RefusalError
from webhook.signature import SignatureRefusedError, Verified, verify

BODY_WAIT_MAX_S = 10.0
MESSAGE_ID_LENGTH_MAX = 256


@dataclass(frozen=True, slots=True)
class Received:
    """A request of QStash's, its body not parsed yet. `message_id` and `traceparent` are not signed: for the log, and
    for the place of a span in the trace that the body names."""

    raw: bytes
    jti: str
    message_id: str | None
    traceparent: str | None
    began_ns: int


async def receive(request: Request[Any, Any, Any], webhook: Webhook, *, path: str) -> Received:
    """The request, if it is QStash's; whether it is new, `refuse_replay` tells. Raises RefusalError.

    `path` is the route's own: what was asked, Host and X-Forwarded-* have no say.
    """
    began_ns = now_ns()
    try:
        async with asyncio.timeout(BODY_WAIT_MAX_S):
            raw = await request.body()
    except TimeoutError:
        raise RefusalError(Kind.TOO_SLOW, "body_late") from None
    message_id = _message_id(request)
    if message_id is not None:
        structlog.contextvars.bind_contextvars(message_id=message_id)
    verified = _verify(_token(request), raw, webhook, url=webhook.public_url + path)
    traceparent = request.headers.get(HEADER)
    return Received(raw=raw, jti=verified.jti, message_id=message_id, traceparent=traceparent, began_ns=began_ns)


async def refuse_replay(webhook: Webhook, received: Received) -> None:
    """Raises RefusalError if the token was accepted before."""
    async with webhook.resources.database.connection() as connection:
        if await is_replay(connection, jti=received.jti):
            raise RefusalError(Kind.REPLAYED, "replay")


async def remember(webhook: Webhook, received: Received) -> None:
    """Keep the token's id, after everything that it asked for is done. Raises RefusalError if another request with the
    same token was faster."""
    async with webhook.resources.database.connection() as connection:
        if not await insert_delivery(connection, jti=received.jti, message_id=received.message_id):
            raise RefusalError(Kind.REPLAYED, "replay")
    webhook.resources.crash.reach(CrashPoint.DELIVERY_REMEMBERED)


def _verify(token: str | None, raw: bytes, webhook: Webhook, *, url: str) -> Verified:
    try:
        verified = verify(token, raw, keys=webhook.keys, url=url, now=webhook.resources.clock.now())
    except SignatureRefusedError as error:
        webhook.metrics.count_signature(error.reason.value)
        raise RefusalError(Kind.SIGNATURE, f"signature_{error.reason.value}") from None
    webhook.metrics.count_signature(verified.key)
    return verified


def _token(request: Request[Any, Any, Any]) -> str | None:
    """None also if there are two: then it is not clear which one the body belongs to."""
    tokens = request.headers.getall("upstash-signature", [])
    return tokens[0] if len(tokens) == 1 else None


def _message_id(request: Request[Any, Any, Any]) -> str | None:
    value = request.headers.get("upstash-message-id", "")
    return value if 0 < len(value) <= MESSAGE_ID_LENGTH_MAX and value.isascii() and value.isprintable() else None
