"""How a bare handler is served: the server, event loop and options of the gateway's and the webhook's (server.py)."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvicorn

from local.port import LOOPBACK


async def serve(app: Any, port: int, *, connections_max: int | None = None) -> None:
    """Until SIGTERM. `app` is an ASGI application, by whosever types."""
    config = uvicorn.Config(
        app,
        host=LOOPBACK,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        limit_concurrency=connections_max,
    )
    await uvicorn.Server(config).serve()


def run(serving: Coroutine[Any, Any, None]) -> None:
    """As a process's only work."""
    with asyncio.Runner(loop_factory=uvicorn.Config("", loop="uvloop").get_loop_factory()) as runner:
        runner.run(serving)
