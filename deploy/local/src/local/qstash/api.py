"""The REST API as an ASGI application: finds the route on the raw target and the user by its token."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from local.qstash import dlq_api, log_api, message_api, schedule_api
from local.qstash.error import ApiError, NotFoundError, NotSupportedError
from local.qstash.header import from_wire
from local.qstash.server import Server
from local.qstash.wire import Call, Reply, drop_connection, read_body, read_token, send_reply

Handler = Callable[[Server, Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a pattern of the raw path after `/v2/`, and who answers."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    is_publication: bool = False


async def refuse_unsupported(server: Server, call: Call) -> Reply:
    """What is real but left out says so."""
    del server
    raise NotSupportedError(call.part("what"))


def _route(method: str, pattern: str, handler: Handler, *, is_publication: bool = False) -> Route:
    return Route(method, re.compile(pattern), handler, is_publication)


LEFT_OUT = r"(?P<what>enqueue|queues|topics|flowControl|globalParallelism|workflows)(?:/.*)?"
BATCH = "batch/?"
ROUTES = (
    _route("POST", r"publish/(?P<destination>.+)", message_api.publish, is_publication=True),
    _route("POST", BATCH, message_api.publish_batch, is_publication=True),
    _route("GET", r"messages/(?P<id>[^/]+)", message_api.read),
    _route("DELETE", r"messages/(?P<id>[^/]+)", message_api.cancel),
    _route("DELETE", r"messages/?", message_api.cancel_many),
    _route("GET", r"dlq/?", dlq_api.list_letters),
    _route("DELETE", r"dlq/?", dlq_api.delete_many),
    _route("POST", r"dlq/retry/?", dlq_api.retry_many),
    _route("POST", r"dlq/retry/(?P<id>[^/]+)", dlq_api.retry),
    _route("GET", r"dlq/(?P<id>[^/]+)", dlq_api.read),
    _route("DELETE", r"dlq/(?P<id>[^/]+)", dlq_api.delete),
    _route("GET", r"(?:events|logs)/?", log_api.list_events),
    _route("GET", r"keys/?", log_api.read_keys),
    _route("POST", r"keys/rotate/?", log_api.rotate_keys),
    _route("GET", r"schedules/?", schedule_api.list_schedules),
    _route("GET", r"schedules/(?P<id>[^/]+)", schedule_api.read),
    _route("DELETE", r"schedules/(?P<id>[^/]+)", schedule_api.delete),
    _route("PATCH", r"schedules/(?P<id>[^/]+)/pause", schedule_api.pause),
    _route("PATCH", r"schedules/(?P<id>[^/]+)/resume", schedule_api.resume),
    _route("POST", r"schedules/(?P<id>[^/:]+)/pause", schedule_api.pause),
    _route("POST", r"schedules/(?P<id>[^/:]+)/resume", schedule_api.resume),
    _route("POST", r"schedules/(?P<destination>.+)", schedule_api.create),
    *(_route(method, LEFT_OUT, refuse_unsupported) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
)
PREFIX = "/v2/"


class Api:
    """Serves `/v2/`."""

    def __init__(self, server: Callable[[], Server]) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        server, path = self._server(), scope["raw_path"].decode("latin-1")
        try:
            route, groups = _find(scope["method"], path)
            reply = await route.handler(server, await _call(server, scope, receive, groups))
        except ApiError as error:
            await send_reply(send, Reply(error.status, {"error": error.text}))
            return
        if route.is_publication and server.board.take("drop_reply"):
            await drop_connection(scope, receive)
        else:
            await send_reply(send, reply)


async def _call(server: Server, scope: Scope, receive: Receive, groups: dict[str, str]) -> Call:
    """Raises UnauthorizedError or QuotaError."""
    headers, query = from_wire(scope["headers"]), scope["query_string"].decode("latin-1")
    is_batch = re.fullmatch(BATCH, scope["raw_path"].decode("latin-1").removeprefix(PREFIX)) is not None
    body = await read_body(receive, server.plan.batch_bytes_max if is_batch else server.plan.message_bytes_max)
    return Call(
        account=server.account(read_token(headers, query)),
        groups=groups,
        query=query,
        headers=headers,
        body=body,
        caller_ip=scope["client"][0] if scope.get("client") else "127.0.0.1",
    )


def _find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Raises NotFoundError."""
    if path.startswith(PREFIX):
        for route in ROUTES:
            match = route.pattern.fullmatch(path, len(PREFIX)) if route.method == method else None
            if match is not None:
                return route, match.groupdict()
    raise NotFoundError(f"{method} {path} not found")
