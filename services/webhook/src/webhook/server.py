"""The HTTP server and its end: not ready first, then no new requests, then done, within 25 s."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager

import structlog
import uvicorn
from litestar.types import ASGIApp

from common.settings import ServerSettings
from webhook.composition import Life

log = structlog.get_logger()

NOT_READY_S = 1.0  # who asks /readyz hears 503 for this long before the port closes
GRACEFUL_MAX_S = 20
KEEP_ALIVE_S = 65
CONNECTIONS_MAX = 1000


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would end by the signal instead of with exit code 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def make_server(app: ASGIApp, settings: ServerSettings) -> Server:
    return Server(
        uvicorn.Config(
            app,  # pyright: ignore[reportArgumentType] # Litestar types ASGI by its own names
            host=settings.host,
            port=settings.port,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACEFUL_MAX_S,
            timeout_keep_alive=KEEP_ALIVE_S,
            limit_concurrency=CONNECTIONS_MAX,
        )
    )


class Ending:
    """Ends the process in order: on SIGTERM and SIGINT, or because a part of it was lost."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.is_lost = False
        self._life: Life | None = None
        self._server: Server | None = None

    def attach(self, server: Server, life: Life) -> None:
        """From now on signals end the server."""
        self._server, self._life = server, life
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.begin)
        if self.is_lost:
            self.begin()

    def begin(self) -> None:
        """Not ready, and the sweep stops; a moment later the port closes. A second time, at once."""
        if self._server is None or self._life is None:
            return
        if self.stop.is_set():
            self._server.should_exit = True
            return
        self.stop.set()
        self._life.is_draining = True
        log.info("server.draining")
        asyncio.get_running_loop().call_later(NOT_READY_S, self._close, self._server)

    def lose(self, part: str) -> None:
        """A part is gone for good: end, and say so with the exit code. When we end anyway it is no loss."""
        if self.stop.is_set():
            return
        log.error("service.lost", part=part)
        self.is_lost = True
        self.begin()

    @staticmethod
    def _close(server: Server) -> None:
        server.should_exit = True
