"""The issuer's HTTP side: keys, tokens, and the switches with which tests disturb them."""

import asyncio
import json
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.issuer.key import KeyRing
from local.issuer.token import Wish, WishError, mint

JWKS_PATH = "/.well-known/jwks.json"
HUGE_BYTES = 1_000_000


class JwksMode(StrEnum):
    """How the key endpoint answers."""

    GOOD = "good"
    ERROR = "500"
    SLOW = "slow"
    GARBAGE = "garbage"
    HUGE = "huge"


@dataclass(slots=True)
class Disturbance:
    """What is wrong with the key endpoint; a count of None lasts until it is changed."""

    mode: JwksMode = JwksMode.GOOD
    count: int | None = None
    seconds: float = 30.0

    def take(self) -> JwksMode:
        """The mode of this fetch; falls back to good when its count is used up."""
        mode = self.mode
        if self.count is not None:
            self.count -= 1
            if self.count <= 0:
                self.mode, self.count = JwksMode.GOOD, None
        return mode


class Issuer:
    """One issuer: its name in tokens, its keys, its counters."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._ring = KeyRing()
        self._disturbance = Disturbance()
        self._jwks_fetch_count = 0
        self._token_count = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/readyz", self.ready),
                Route(JWKS_PATH, self.jwks),
                Route("/token", self.token, methods=["POST"]),
                Route("/_issuer/rotate", self.rotate, methods=["POST"]),
                Route("/_issuer/drop", self.drop, methods=["POST"]),
                Route("/_issuer/restore", self.restore, methods=["POST"]),
                Route("/_issuer/jwks", self.disturb, methods=["POST"]),
                Route("/_issuer/reset", self.reset, methods=["POST"]),
                Route("/_issuer/stats", self.stats),
            ]
        )

    async def ready(self, request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def jwks(self, request: Request) -> Response:
        del request
        self._jwks_fetch_count += 1
        seconds = self._disturbance.seconds
        match self._disturbance.take():
            case JwksMode.ERROR:
                return JSONResponse({"errors": [{"message": "internal error"}]}, status_code=500)
            case JwksMode.GARBAGE:
                return PlainTextResponse("<html>not keys</html>", media_type="application/json")
            case JwksMode.HUGE:
                return JSONResponse({**self._ring.jwks(), "padding": "x" * HUGE_BYTES})
            case JwksMode.SLOW:
                await asyncio.sleep(seconds)
            case JwksMode.GOOD:
                pass
        return JSONResponse(self._ring.jwks())

    async def token(self, request: Request) -> Response:
        try:
            wish = Wish.read(await _body(request))
        except WishError as error:
            return _refusal(str(error))
        self._token_count += 1
        token, expires_at = mint(self._ring, self._issuer, wish, int(time.time()))
        return JSONResponse({"token": token, "expiresAt": expires_at})

    async def rotate(self, request: Request) -> Response:
        """A new key signs; the key before it is still published, the one before that is gone."""
        del request
        return JSONResponse({"kid": self._ring.rotate().kid})

    async def drop(self, request: Request) -> Response:
        """`{"key": 0}`: the key signs still, but is no longer published."""
        place = (await _body(request)).get("key", 0)
        if place not in (0, 1):
            return _refusal("key is 0 or 1")
        return JSONResponse({"kid": self._ring.drop(place).kid})

    async def restore(self, request: Request) -> Response:
        del request
        self._ring.restore()
        return JSONResponse({"kids": [key.kid for key in self._ring.keys]})

    async def disturb(self, request: Request) -> Response:
        """`{"mode": "good"|"500"|"slow"|"garbage"|"huge", "count": n or null, "seconds": s}`."""
        value = await _body(request)
        try:
            mode = JwksMode(str(value.get("mode")))
        except ValueError:
            return _refusal(f"mode is one of {', '.join(JwksMode)}")
        self._disturbance = Disturbance(mode, value.get("count"), float(value.get("seconds", 30.0)))
        return JSONResponse({"mode": mode})

    async def reset(self, request: Request) -> Response:
        """Good answers, all keys published, counters at nought; the keys stay."""
        self._disturbance = Disturbance()
        self._jwks_fetch_count = self._token_count = 0
        return await self.restore(request)

    async def stats(self, request: Request) -> Response:
        del request
        return JSONResponse(
            {
                "issuer": self._issuer,
                "jwks_fetches": self._jwks_fetch_count,
                "tokens": self._token_count,
                "kids": [key.kid for key in self._ring.keys],
                "dropped_kids": sorted(self._ring.dropped_kids),
                "jwks_mode": self._disturbance.mode,
            }
        )


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; an empty or unreadable body counts as an empty object."""
    try:
        value = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _refusal(message: str) -> Response:
    return JSONResponse({"error": message}, status_code=400)
