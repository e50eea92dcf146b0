"""The control API: what the sandbox was asked, what it shall do wrong, how much money there is.

Rule: nothing here costs credits, waits, or is written down as a call.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.answer import Kind
from local.sandbox.fault import Fault, FaultError
from local.sandbox.latency import Latency
from local.sandbox.upstream import Upstream
from local.sandbox.world import World


class Control:
    """Routes over one upstream and its world."""

    def __init__(
        self, upstream: Upstream, world: World, credit_count: int, resets: Sequence[Callable[[], None]]
    ) -> None:
        self._upstream = upstream
        self._world = world
        self._credit_count = credit_count
        self._latencies = dict(upstream.latencies)
        self._resets = resets

    def routes(self) -> list[Route]:
        return [
            Route("/calls", self.calls, methods=["GET"]),
            Route("/faults", self.faults, methods=["GET"]),
            Route("/faults", self.add_fault, methods=["POST"]),
            Route("/faults", self.clear_faults, methods=["DELETE"]),
            Route("/credits", self.set_credits, methods=["POST"]),
            Route("/latency", self.set_latency, methods=["POST"]),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/people", self.people, methods=["GET"]),
        ]

    async def calls(self, request: Request) -> Response:
        """Counters and every call, `?path=` for one endpoint."""
        return JSONResponse(self._upstream.record.told(request.query_params.get("path")))

    async def faults(self, request: Request) -> Response:
        del request
        return JSONResponse([fault.told() for fault in self._upstream.faults.faults])

    async def add_fault(self, request: Request) -> Response:
        """Queue one fault, or a list of them; answers the queue."""
        value = await _body(request)
        try:
            new = [Fault.read(item) for item in (value if isinstance(value, list) else [value])]
        except FaultError as error:
            return _refusal(str(error))
        self._upstream.faults.faults.extend(new)
        return await self.faults(request)

    async def clear_faults(self, request: Request) -> Response:
        self._upstream.faults.faults.clear()
        return await self.faults(request)

    async def set_credits(self, request: Request) -> Response:
        """`{"remaining": n}` for every key; 0 makes everything answer 402."""
        value = await _body(request)
        remaining = value.get("remaining") if isinstance(value, dict) else None
        if not isinstance(remaining, int) or remaining < 0:
            return _refusal('say {"remaining": n}')
        self._upstream.purse.set_all(remaining)
        return JSONResponse({"remaining": remaining})

    async def set_latency(self, request: Request) -> Response:
        """`{"latency": "none"}`, or seconds: `{"search": 0.5, "profile": 0.2}`."""
        value = await _body(request)
        if not isinstance(value, dict):
            return _refusal("say a latency")
        try:
            changed = Latency(value["latency"]).seconds() if "latency" in value else {}
            changed |= {kind: float(value[kind]) for kind in Kind if kind in value}
        except (ValueError, TypeError) as error:
            return _refusal(str(error))
        self._upstream.latencies.update(changed)
        return JSONResponse(self._upstream.latencies)

    async def reset(self, request: Request) -> Response:
        """As at the start, without the faults of the command line: no calls, full purses, empty cache."""
        del request
        self._upstream.record.clear()
        self._upstream.faults.faults.clear()
        self._upstream.purse.set_all(self._credit_count)
        self._upstream.latencies.update(self._latencies)
        for reset in self._resets:
            reset()
        return JSONResponse({"reset": True})

    async def people(self, request: Request) -> Response:
        """The truth about the people of these handles (`?handle=a&handle=b`), for tests that judge what was found."""
        found = [self._world.find(handle, None) for handle in request.query_params.getlist("handle")]
        told = [
            {**asdict(one), "absence": one.absence and one.absence.value, "avatar_form": one.avatar_form.value}
            for one in found
            if one is not None
        ]
        return JSONResponse(told)


async def _body(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except ValueError:
        return None


def _refusal(message: str) -> Response:
    return JSONResponse({"error": message}, status_code=400)
