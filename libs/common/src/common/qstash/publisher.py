"""The QStash door: tells QStash of a step. Safe to repeat: the deduplication id names step and generation."""

import asyncio
import hashlib
import math

import httpx
from qstash import AsyncQStash
from qstash.errors import QStashError

from common.domain.step import DueStep
from common.errors import RetryError
from common.settings import QStashSettings, is_loopback_url
from common.tls import trusted_authorities
from common.tracing.hop import QSTASH, headers_of, sending, tell_caused

RETRIES = 3  # the smallest number that every plan allows
PUBLISH_MAX_S = 10.0
DELIVERY_TIMEOUT = "30s"
DESTINATION = "process-scraping"

# The SDK lets an answer that is no JSON, or lacks the id, escape as what it stumbles over.
QSTASH_FAULTS = (QStashError, httpx.HTTPError, TimeoutError, ValueError, KeyError, TypeError)


class QStashUnavailableError(RetryError):
    """QStash did not take the message, or its answer was lost: then publishing again is absorbed."""


class QStashPublisher:
    """Publishes steps to `<public webhook url>/api/qstash/process-scraping`."""

    def __init__(self, settings: QStashSettings) -> None:
        self._settings = settings
        self._client = AsyncQStash(
            settings.qstash_token.get_secret_value(),
            base_url=settings.qstash_url,
            retry={"retries": 2, "backoff": lambda retried: 100.0 * 2**retried},
        )
        if is_loopback_url(settings.qstash_url):
            # The SDK's client follows HTTP_PROXY wherever it goes, and there is no way to hand it one that does not.
            self._client.http._client = httpx.AsyncClient(  # pyright: ignore[reportPrivateUsage]
                trust_env=False, verify=trusted_authorities(trust_env=False)
            )

    async def publish(self, step: DueStep) -> str:
        """Hand the step over and return QStash's message id. Raises QStashUnavailableError within ten seconds."""
        with sending(step, system=QSTASH, destination=DESTINATION) as span:
            message_id = await self._publish(step, headers_of(span))
            span.tell({"messaging.message.id": message_id})
        tell_caused(span)
        return message_id

    async def _publish(self, step: DueStep, headers: dict[str, str]) -> str:
        """`headers` are QStash's to forward, also to the failure callback."""
        callback_headers = {f"Forward-{name}": value for name, value in headers.items()}
        try:
            async with asyncio.timeout(PUBLISH_MAX_S):
                response = await self._client.message.publish(
                    url=self._settings.step_url,
                    body=step.message.model_dump_json(),
                    content_type="application/json",
                    method="POST",
                    headers=headers,
                    retries=RETRIES,
                    timeout=DELIVERY_TIMEOUT,
                    delay=_delay(step),
                    deduplication_id=deduplication_id(step),
                    failure_callback=self._settings.failure_url,
                    failure_callback_headers={"Retries": str(RETRIES), **callback_headers},
                )
        except QSTASH_FAULTS as error:
            raise QStashUnavailableError(type(error).__name__) from error
        assert not isinstance(response, list)
        return response.message_id

    async def keep_schedule(self, *, path: str, schedule_id: str, cron: str) -> None:
        """Make or renew a schedule that calls a route of the webhook. Raises QStashUnavailableError."""
        try:
            async with asyncio.timeout(PUBLISH_MAX_S):
                await self._client.schedule.create(
                    destination=f"{self._settings.public_webhook_url}{path}",
                    cron=cron,
                    schedule_id=schedule_id,
                    method="POST",
                    retries=0,
                )
        except QSTASH_FAULTS as error:
            raise QStashUnavailableError(type(error).__name__) from error

    async def close(self) -> None:
        await self._client.http._client.aclose()  # pyright: ignore[reportPrivateUsage] # the SDK has no public close


def deduplication_id(step: DueStep) -> str:
    """The same for the same step at the same generation. Hex, because QStash refuses colons."""
    return hashlib.sha256(f"{step.search_id}:{step.step}:{step.generation}".encode()).hexdigest()


def _delay(step: DueStep) -> str | None:
    seconds = math.ceil(step.delay.total_seconds())
    return f"{seconds}s" if seconds > 0 else None
