"""An invented platform and its upstream: a real socket that answers as told, and keeps the bill."""

import asyncio
import json
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from common.domain.creator import Account, Item
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.errors import NotFoundError, ShapeError
from common.platform import Page, Platform, ProfileKind, SearchKind, Unparsable
from common.worker.purchase import Order, fingerprint

LOOPBACK = "127.0.0.1"
PAGE_PATH = "/page"
PROFILE_PATH = "/profile"
KINDS = {PAGE_PATH: "page", PROFILE_PATH: "profile"}

# What may happen to a call. Those of the second line were billed.
UNBILLED = ("500", "503", "429", "402", "401", "404", "400", "vanished")
BILLED = ("slow", "broken", "odd", "failed", "cut", "half")
STATUS = {"500": 500, "503": 503, "429": 429, "402": 402, "401": 401, "404": 404, "400": 400}
UNPARSABLE = -1


def read_page(body: bytes) -> Page:
    document = _read(body)
    items = document.get("items")
    if not isinstance(items, list):
        raise ShapeError("no items")
    return Page(items=tuple(_item(item) for item in items), cursor=document.get("cursor"))


def read_profile(body: bytes) -> Account:
    document = _read(body)
    if document.get("gone"):
        raise NotFoundError("gone")
    if not isinstance(document.get("user"), dict):
        raise ShapeError("no user")
    return Account(**document["user"])


def _read(body: bytes) -> dict[str, Any]:
    try:
        return json.loads(body)
    except ValueError:
        raise ShapeError("no JSON") from None


def _item(item: Any) -> Item | Unparsable:
    if not isinstance(item, dict) or "user" not in item:
        return Unparsable("no_user")
    return Item(item_id=item["id"], account=Account(**item["user"]))


PLATFORM = Platform(
    name=PlatformName.TIKTOK,
    label="Invented",
    modes=frozenset({Mode.KEYWORD}),
    handles=HandleRule(
        hosts=("tiktok.com",), paths=(r"/@([^/]+)",), pattern=r"[a-z0-9_.]+", is_lower=True, example="mira"
    ),
    searches={
        "keyword": SearchKind(
            path=PAGE_PATH,
            ask=lambda asked, cursor: {"query": asked.query} | ({"cursor": cursor} if cursor else {}),
            read=read_page,
        )
    },
    profile=ProfileKind(
        path=PROFILE_PATH,
        ask=lambda account, _: {"id": account.platform_id},
        read=read_profile,
        is_needed=lambda account: account.bio is None,
        tells=frozenset(),
    ),
)


def profile_fingerprint(platform_id: str) -> str:
    """As the ledger knows the call for this profile."""
    return fingerprint(Order(kind="profile", path=PROFILE_PATH, params={"id": platform_id}, price=1))


@dataclass(frozen=True)
class Person:
    """Somebody invented. `profile` is what asking for it brings: found, private, gone, odd or another's."""

    is_told: bool  # a page tells the bio, so nothing has to be bought
    is_private: bool
    profile: str


@dataclass(frozen=True)
class PagePlan:
    """Who is on a page (by number, UNPARSABLE for nobody that can be read), and what follows it: another page, the
    same cursor again, or the same items again."""

    people: tuple[int, ...]
    follows: str


@dataclass
class Upstream:
    """`faults` are taken by the next calls of their kind, one each."""

    activity: Counter[str]
    people: list[Person] = field(default_factory=list[Person])
    prefix: str = ""
    plans: dict[str, list[PagePlan]] = field(default_factory=dict[str, list[PagePlan]])
    faults: dict[str, deque[str]] = field(default_factory=dict[str, deque[str]])
    arrived: Counter[str] = field(default_factory=Counter[str])  # by fingerprint, as in the ledger
    billed: Counter[str] = field(default_factory=Counter[str])
    held: list[asyncio.Event] = field(default_factory=list[asyncio.Event])
    _server: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen on loopback; returns the base URL."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    def begin(self, prefix: str, people: list[Person]) -> None:
        """Another world: nobody of the last one is in it."""
        self.prefix, self.people = prefix, people
        self.plans.clear()
        self.arrived.clear()
        self.billed.clear()
        self.mend()

    def mend(self) -> None:
        self.faults = {"page": deque(), "profile": deque()}
        self.answer_slow()

    def answer_slow(self, pick: int | None = None) -> None:
        """Whoever waits gets an answer, or only one of them does."""
        for answer in self.held if pick is None else self.held[pick % max(1, len(self.held)) :][:1]:
            answer.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                answer = await self._answer(head.split(" ", 2)[1])
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, target: str) -> bytes | None:
        """What goes onto the wire; None: the connection is cut without a word."""
        self.activity["arrivals"] += 1
        parts = urlsplit(target)
        params = dict(parse_qsl(parts.query))
        kind = KINDS[parts.path]
        key = fingerprint(Order(kind=kind, path=parts.path, params=params, price=1))
        fault = self.faults[kind].popleft() if self.faults[kind] else ""
        self.arrived[key] += 1
        if fault == "vanished":
            return None
        if fault in STATUS:
            headers = ("retry-after: 30",) if fault == "429" else ()
            return _http(STATUS[fault], b'{"success": true}', *headers)
        self.billed[key] += 1
        body = json.dumps(self._page(params) if kind == "page" else self._profile(params)).encode()
        return await self._billed(fault, body)

    async def _billed(self, fault: str, body: bytes) -> bytes | None:
        match fault:
            case "slow":
                patience = asyncio.Event()
                self.held.append(patience)
                await patience.wait()
                self.held.remove(patience)
            case "broken":
                return _http(200, body[: len(body) // 2])
            case "odd":
                return _http(200, b'{"success": true, "news": []}')
            case "failed":
                return _http(200, b'{"success": false, "credits_charged": 1}')
            case "cut":
                return None
            case "half":
                whole = _http(200, body, "connection: close")
                return whole[: len(whole) - 2]
            case _:
                pass
        return _http(200, body)

    def _page(self, params: dict[str, str]) -> dict[str, Any]:
        number = int(params.get("cursor", "0"))
        plans = self.plans[params["query"]]
        plan = plans[number]
        cursor = str(number + 1) if number + 1 < len(plans) else None
        is_repeat = number > 0 and plans[number - 1].follows == "repeat"
        shown = plans[number - 1].people if is_repeat else plan.people
        place = number - 1 if is_repeat else number
        return {
            "success": True,
            "items": [self._entry(f"{place}-{position}", person) for position, person in enumerate(shown)],
            "cursor": params.get("cursor", "0") if plan.follows == "stuck" else cursor,
        }

    def _entry(self, item_id: str, number: int) -> dict[str, Any]:
        if number == UNPARSABLE:
            return {"id": item_id}
        person = self.people[number % len(self.people)]
        user: dict[str, Any] = {"platform_id": self.id_of(number), "handle": f"h{number}"}
        if person.is_told:
            user["bio"] = "here"
        if person.is_private:
            user["private"] = True
        return {"id": item_id, "user": user}

    def id_of(self, number: int) -> str:
        return f"{self.prefix}-{number % len(self.people)}"

    def _profile(self, params: dict[str, str]) -> dict[str, Any]:
        person = self.people[int(params["id"].rsplit("-", 1)[1])]
        user = {"platform_id": params["id"], "handle": "h", "bio": "there", "private": person.profile == "private"}
        match person.profile:
            case "gone":
                return {"success": True, "gone": True}
            case "odd":
                return {"success": True, "user": None}
            case "another":
                return {"success": True, "user": {**user, "platform_id": "somebody-else"}}
            case _:
                return {"success": True, "user": user}


def _http(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
