"""The HTTP server and its end: not ready first, then no new requests, then done, within 25 s."""

import asyncio
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

import structlog
import uvicorn
from litestar.types import ASGIApp

from common.errors import ConfigurationError
from common.settings import ServerSettings
from gateway.composition import Life
from gateway.protocol import BoundedProtocol

log = structlog.get_logger()

NOT_READY_S = 1.0  # who asks /readyz hears 503 for this long before the port closes
GRACEFUL_MAX_S = 20
KEEP_ALIVE_S = 65
CONNECTIONS_MAX = 2000
BACKLOG = 2048


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
            http=BoundedProtocol,
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


def listen(settings: ServerSettings) -> socket.socket:
    """The socket on which to serve. Raises ConfigurationError; uvicorn would end the process with a code of its own."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"HOST and PORT: cannot listen there: {os.strerror(error.errno or 0)}") from error


class Ending:
    """Ends the server on SIGTERM and SIGINT, or when a part is lost for good."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._life: Life | None = None
        self._is_settled = False
        self.is_lost = False

    def attach(self, server: Server, life: Life) -> None:
        """From now on signals end the server."""
        self._server, self._life = server, life
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.begin)

    def begin(self) -> None:
        """Not ready; a second time, at once."""
        if self._server is None or self._life is None:
            return
        if self._life.is_draining:
            self._server.should_exit = True
            return
        self._life.drain()
        log.info("server.draining")
        asyncio.get_running_loop().call_later(NOT_READY_S, self._close)

    def lose(self) -> None:
        """NATS is gone for good. It is also called when we close it ourselves: then it is no loss."""
        if self._is_settled:
            return
        self.is_lost = True
        log.error("nats.lost")
        self.begin()

    def settle(self) -> None:
        """The server has ended; what is closed from now on is closed by us."""
        self._is_settled = True

    def _close(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
