"""A worker's three pages: /livez, /readyz, /metrics."""

from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from common.metric.registry import MEDIA_TYPE

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Check = Callable[[], Awaitable[bool]]
Show = Callable[[], bytes]


class HealthServer(uvicorn.Server):
    """Serves the pages without touching the process's signal handlers."""

    def __init__(self, *, host: str, port: int, is_ready: Check, show: Show) -> None:
        super().__init__(
            uvicorn.Config(
                health_app(is_ready, show),
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """The service has its own handlers."""
        yield


def health_app(is_ready: Check, show: Show) -> Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]:
    """An ASGI application with the three pages; 404 for the rest."""

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await receive()
        status, content_type, body = await _page(scope["path"], is_ready, show)
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def _page(path: str, is_ready: Check, show: Show) -> tuple[int, str, bytes]:
    match path:
        case "/livez":
            return 200, "text/plain", b"ok"
        case "/readyz":
            return (200, "text/plain", b"ready") if await is_ready() else (503, "text/plain", b"not ready")
        case "/metrics":
            return 200, MEDIA_TYPE, show()
        case _:
            return 404, "text/plain", b"not found"
