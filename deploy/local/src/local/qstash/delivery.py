"""Makes one request to a destination and writes it down. Redirects are not followed; the answer's body is trimmed."""

import asyncio
import itertools
import time
from collections import deque

import httpx

from local.qstash.account import Account, Record, now_ms
from local.qstash.header import Pairs, first, from_wire
from local.qstash.identity import new_id
from local.qstash.message import NO_ANSWER, Answer, Delivery
from local.qstash.plan import Plan
from local.qstash.signature import Subject, sign
from local.qstash.switch import Switchboard, Switches
from local.qstash.target import read_address

PARALLEL_MAX = 100
DELIVERY_COUNT_MAX = 10_000
KEEP_ALIVE_S = 2.0  # less than servers keep idle connections, so that none is closed under a request
REGION = "EU-CENTRAL-1"
LIMITS = httpx.Limits(
    max_connections=PARALLEL_MAX, max_keepalive_connections=PARALLEL_MAX, keepalive_expiry=KEEP_ALIVE_S
)


class Post:
    """Delivers, at most a hundred at a time."""

    def __init__(self, client: httpx.AsyncClient, board: Switchboard, plan: Plan) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=DELIVERY_COUNT_MAX)
        self._client = client
        self._board = board
        self._plan = plan
        self._slots = asyncio.Semaphore(PARALLEL_MAX)
        self._numbers = itertools.count(1)

    async def deliver(self, account: Account, record: Record, *, is_copy: bool = False) -> Answer:
        """One attempt, freshly signed. A destination that cannot be reached is an answer too."""
        async with self._slots:
            started_at_ms, jti = now_ms(), new_id("jwt")
            answer = await self._attempt(account, record, jti, is_copy=is_copy)
        self.deliveries.append(
            Delivery(
                number=next(self._numbers),
                message_id=record.message.id,
                url=record.message.url,
                attempt=record.retried,
                status=answer.status,
                error=answer.error,
                is_copy=is_copy,
                jti=jti,
                started_at_ms=started_at_ms,
                finished_at_ms=now_ms(),
            )
        )
        return answer

    async def _attempt(self, account: Account, record: Record, jti: str, *, is_copy: bool) -> Answer:
        if not is_copy and self._board.take("fail_next"):
            status = self._board.now.fail_status
            return Answer(status, error=None if status else "dial tcp: connection refused")
        request = _request(account, record, jti, self._board.now)
        answer = await self._exchange(request, record.message.options.timeout.total_seconds())
        if not is_copy and self._board.take("lose_answer"):
            return Answer(NO_ANSWER, error="EOF")
        return answer

    async def _exchange(self, request: httpx.Request, timeout_s: float) -> Answer:
        """Until the whole answer is there."""
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._client.send(request, stream=True)
                try:
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return Answer(NO_ANSWER, error="context deadline exceeded")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Answer(NO_ANSWER, error=str(error) or type(error).__name__)
        return Answer(response.status_code, from_wire(response.headers.raw), body)

    async def _read(self, response: httpx.Response) -> bytes:
        kept = bytearray()
        async for chunk in response.aiter_raw():
            kept += chunk[: self._plan.message_bytes_max - len(kept)]
        return bytes(kept)


def _request(account: Account, record: Record, jti: str, switches: Switches) -> httpx.Request:
    """Path and query go untouched on the request line; `Host` is the published one, wherever the request goes."""
    message = record.message
    address = switches.address(message.url)
    userinfo = f"{address.userinfo}@" if address.userinfo else ""
    subject = Subject(message.url, message.body, time.time() + switches.clock_skew_s, jti)
    headers = (*_headers(record), ("Upstash-Signature", sign(subject, account.key(switches.sign_with))))
    return httpx.Request(
        message.options.method,
        f"{address.scheme}://{userinfo}{address.host}",
        headers=[
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in (("Host", read_address(message.url).host), *headers)
        ],
        content=message.body,
        extensions={"target": address.target.encode("latin-1")},
    )


def _headers(record: Record) -> Pairs:
    message = record.message
    own = [
        ("Upstash-Message-Id", message.id),
        ("Upstash-Retried", str(record.retried)),
        ("Upstash-Region", REGION),
        ("Upstash-Caller-Ip", message.caller_ip),
    ]
    if message.schedule_id:
        own.append(("Upstash-Schedule-Id", message.schedule_id))
    if first(message.options.headers, "User-Agent") is None:
        own.insert(0, ("User-Agent", "Upstash-QStash"))
    return message.options.headers + tuple(own)
