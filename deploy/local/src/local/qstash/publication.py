"""Accepts messages: reads options, checks quotas and destinations, recognises duplicates."""

import asyncio
import hashlib
import ipaddress
import json
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from local.qstash.account import Account, now_ms
from local.qstash.courier import Courier, Draft
from local.qstash.error import ApiError, BadRequestError, NotSupportedError, QuotaError
from local.qstash.header import Pairs, without
from local.qstash.identity import new_id
from local.qstash.message import DeadLetter, Message
from local.qstash.option import read_options
from local.qstash.plan import Plan
from local.qstash.switch import Switchboard
from local.qstash.target import Address, read_address, read_target

UNSUPPORTED_DESTINATION = "api/"
# A message that is taken up again from the dead letters goes at once and is new.
NOT_REPEATED = (
    "Upstash-Delay",
    "Upstash-Not-Before",
    "Upstash-Deduplication-Id",
    "Upstash-Content-Based-Deduplication",
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a publication."""

    message_id: str
    url: str
    is_duplicate: bool = False

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = {"messageId": self.message_id, "url": self.url}
        return told | {"deduplicated": True} if self.is_duplicate else told


class Publisher:
    """Makes messages from drafts and hands them to the courier."""

    def __init__(self, courier: Courier, board: Switchboard, plan: Plan) -> None:
        self._courier = courier
        self._board = board
        self._plan = plan

    async def publish(self, account: Account, draft: Draft) -> Receipt:
        """Raises ApiError. A duplicate gets the id of the first message and is not delivered."""
        await self.check(draft.url)
        message = make_message(draft, self._plan)
        key, window_s = _deduplication_key(message), self._board.now.dedup_window_s
        if key is not None:
            known = account.remembered(key, window_s)
            if known is not None:
                return Receipt(known, draft.url, is_duplicate=True)
            account.remember(key, message.id, window_s)
        self._courier.accept(account, message)
        return Receipt(message.id, draft.url)

    async def publish_batch(self, account: Account, body: bytes, caller_ip: str) -> list[dict[str, Any]]:
        """One answer per item. An item over a quota refuses the whole batch, any other fault only itself."""
        drafts = [_draft(item, caller_ip) for item in _items(body)]
        for draft in drafts:
            if isinstance(draft, Draft):
                self._check_quotas(draft)
        return [await self._publish_item(account, draft) for draft in drafts]

    def retry(self, account: Account, letter: DeadLetter, overrides: Pairs) -> Receipt:
        """Publish a dead letter's message again, under a new id, with these settings instead of its own."""
        old = letter.message
        kept = without(old.published, (*NOT_REPEATED, *(name for name, _ in overrides)))
        draft = Draft(old.url, old.body, kept + overrides, old.caller_ip, old.schedule_id)
        message = make_message(draft, self._plan)
        self._courier.accept(account, message)
        del account.dead_letters[letter.id]
        return Receipt(message.id, old.url)

    async def check(self, url: str) -> None:
        """Raises BadRequestError if nothing could be delivered there."""
        if url.startswith(UNSUPPORTED_DESTINATION):
            raise NotSupportedError(f"destination {url}")
        address = read_address(url)
        if self._board.now.production_like:
            await _check_public(address, is_resolved=address.origin not in self._board.now.rewrite)

    async def _publish_item(self, account: Account, draft: Draft | ApiError) -> dict[str, Any]:
        try:
            if isinstance(draft, ApiError):
                raise draft
            return (await self.publish(account, draft)).told()
        except ApiError as error:
            return {"error": error.text}

    def _check_quotas(self, draft: Draft) -> None:
        if len(draft.body) > self._plan.message_bytes_max:
            raise QuotaError("quota maxMessageSize exceeded")
        try:
            make_message(draft, self._plan)
        except BadRequestError:
            return


def make_message(draft: Draft, plan: Plan) -> Message:
    """A new message. Raises BadRequestError or QuotaError."""
    options = read_options(draft.published, plan)
    created_at_ms = now_ms()
    if options.not_before_s is not None:
        not_before_ms = max(options.not_before_s * 1000, created_at_ms)
    else:
        not_before_ms = created_at_ms + int((options.delay or timedelta()) / timedelta(milliseconds=1))
    if not_before_ms - created_at_ms > plan.delay_max / timedelta(milliseconds=1):
        raise QuotaError(f"quota maxDelay exceeded, current limit: {int(plan.delay_max.total_seconds())}", status=400)
    return Message(
        id=new_id("msg"),
        url=draft.url,
        body=draft.body,
        options=options,
        published=draft.published,
        created_at_ms=created_at_ms,
        not_before_ms=not_before_ms,
        caller_ip=draft.caller_ip,
        schedule_id=draft.schedule_id,
    )


def _deduplication_key(message: Message) -> str | None:
    if message.options.deduplication_id is not None:
        return f"id {message.options.deduplication_id}"
    if not message.options.is_content_deduplicated:
        return None
    content = repr((message.url, message.body, message.options.headers))
    return f"content {hashlib.sha256(content.encode()).hexdigest()}"


def _items(body: bytes) -> list[Any]:
    try:
        items = json.loads(body)
    except ValueError as error:
        raise BadRequestError("invalid batch: not JSON") from error
    return items if isinstance(items, list) else [items]


def _draft(item: object, caller_ip: str) -> Draft | ApiError:
    """A batch's item, or what is wrong with it."""
    match item:
        case {"queue": str() as queue} if queue:
            return NotSupportedError("queues")
        case {"destination": str(url), **rest}:
            headers, body = rest.get("headers") or {}, rest.get("body")
            if isinstance(headers, dict) and isinstance(body, str | None):
                pairs = tuple((str(name), _as_on_wire(str(value))) for name, value in headers.items())
                return Draft(read_target(url, "").url, (body or "").encode(), pairs, caller_ip)
            return BadRequestError("invalid batch item")
        case _:
            return BadRequestError("invalid batch item: destination is missing")


def _as_on_wire(text: str) -> str:
    """Header values are bytes that are read as Latin-1."""
    return text.encode().decode("latin-1")


async def _check_public(address: Address, *, is_resolved: bool) -> None:
    """With the words of the real server, which looks the host up when a message is published."""
    ips = [address.hostname] if _is_ip(address.hostname) else []
    if not ips and (is_resolved or address.hostname == "localhost"):
        ips = await _look_up(address.hostname)
    for ip in ips:
        if ipaddress.ip_address(ip).is_loopback:
            raise BadRequestError(f"invalid destination url: endpoint resolves to a loopback address: {ip}")


async def _look_up(hostname: str) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(hostname, None, type=socket.SOCK_STREAM)
    except OSError as error:
        text = f"invalid destination url: unable to resolve host: lookup {hostname}: no such host"
        raise BadRequestError(text) from error
    return [str(entry[4][0]) for entry in found]


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
