"""The control API under `/_standin/`: what was delivered, misbehaviour, shorter waits. No token needed.

Rule: nothing here has a counterpart on the real server.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.qstash.account import Account, Record
from local.qstash.error import ApiError, BadRequestError, NotFoundError
from local.qstash.schedule import Schedule
from local.qstash.server import Server

IDLE_TIMEOUT_S = 10.0


class Control:
    """Routes over a running stand-in."""

    def __init__(self, server: Callable[[], Server]) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        return [
            Route("/readyz", self.readyz, methods=["GET"]),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/switches", self.switches, methods=["GET"]),
            Route("/switches", self.change_switches, methods=["PATCH", "POST"]),
            Route("/deliveries", self.deliveries, methods=["GET"]),
            Route("/stats", self.stats, methods=["GET"]),
            Route("/hurry", self.hurry, methods=["POST"]),
            Route("/idle", self.idle, methods=["GET"]),
            Route("/messages/{id}/duplicate", self.duplicate, methods=["POST"]),
            Route("/schedules/{id}/fire", self.fire, methods=["POST"]),
        ]

    async def readyz(self, request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n")

    async def reset(self, request: Request) -> Response:
        """As at the start, switches included."""
        del request
        await self._server().reset()
        return JSONResponse({"reset": True})

    async def switches(self, request: Request) -> Response:
        del request
        return JSONResponse(self._server().board.now.told())

    async def change_switches(self, request: Request) -> Response:
        """`{"duplicate": 1, "sign_with": "next"}`; those that are not named stay. Answers all positions."""
        try:
            self._server().board.change(await _object(request))
        except ApiError as error:
            return _refusal(error)
        return await self.switches(request)

    async def deliveries(self, request: Request) -> Response:
        """Every request to a destination, in the order of their ends; `?message_id=` and `?url=` choose."""
        message_id, url = request.query_params.get("message_id"), request.query_params.get("url")
        told = [
            asdict(one)
            for one in self._server().post.deliveries
            if message_id in (None, one.message_id) and url in (None, one.url)
        ]
        return JSONResponse({"deliveries": told})

    async def stats(self, request: Request) -> Response:
        """Counts: messages by their last state, deliveries by status."""
        del request
        server = self._server()
        records = [record for account in server.accounts.values() for record in account.records.values()]
        return JSONResponse(
            {
                "messages": Counter(record.state.value for record in records),
                "deliveries": Counter(str(one.status) for one in server.post.deliveries),
                "copies": sum(one.is_copy for one in server.post.deliveries),
                "dead_letters": sum(len(account.dead_letters) for account in server.accounts.values()),
                "schedules": sum(len(account.schedules) for account in server.accounts.values()),
                "under_way": server.courier.task_count,
            }
        )

    async def hurry(self, request: Request) -> Response:
        """End the waits of all messages, or of `{"message_id": …}`: delays and back-off are over now."""
        try:
            message_id = (await _object(request)).get("message_id")
        except ApiError as error:
            return _refusal(error)
        waiting = [
            record
            for account in self._server().accounts.values()
            for record in account.cancellable()
            if message_id in (None, record.message.id) and record.is_waiting
        ]
        for record in waiting:
            record.wake.set()
        return JSONResponse({"hurried": len(waiting)})

    async def idle(self, request: Request) -> Response:
        """Answer when no message is under way or waits for its time, at most `?timeout_s=` later."""
        try:
            timeout_s = float(request.query_params.get("timeout_s", IDLE_TIMEOUT_S))
        except ValueError:
            return _refusal(BadRequestError("invalid timeout_s"))
        return JSONResponse({"is_idle": await self._server().courier.drain(timeout_s)})

    async def duplicate(self, request: Request) -> Response:
        """Deliver a message once more, even if it is finished (for as long as it is remembered)."""
        try:
            account, record = self._record(request.path_params["id"])
        except ApiError as error:
            return _refusal(error)
        self._server().courier.copy(account, record)
        return JSONResponse({"message_id": record.message.id}, status_code=202)

    async def fire(self, request: Request) -> Response:
        """Run a schedule now."""
        try:
            account, schedule = self._schedule(request.path_params["id"])
            receipt = await self._server().scheduler.fire(account, schedule)
        except ApiError as error:
            return _refusal(error)
        return JSONResponse({"message_id": receipt.message_id}, status_code=202)

    def _record(self, message_id: str) -> tuple[Account, Record]:
        for account in self._server().accounts.values():
            if message_id in account.records:
                return account, account.records[message_id]
        raise NotFoundError(f"message {message_id} not found")

    def _schedule(self, schedule_id: str) -> tuple[Account, Schedule]:
        for account in self._server().accounts.values():
            if schedule_id in account.schedules:
                return account, account.schedules[schedule_id]
        raise NotFoundError(f"schedule {schedule_id} not found")


async def _object(request: Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise BadRequestError("not JSON") from error
    if not isinstance(value, dict):
        raise BadRequestError("not an object")
    return value


def _refusal(error: ApiError) -> Response:
    return JSONResponse({"error": error.text}, status_code=error.status)
