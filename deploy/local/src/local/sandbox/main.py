"""Runs the sandbox: `python -m local.sandbox.main --port 8090`."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.sandbox.app import Options, build
from local.sandbox.fault import Fault, FaultError
from local.sandbox.latency import Latency
from local.sandbox.upstream import TRANSPORT

SHUTDOWN_S = 1  # an answer that is slow on purpose must not hold up the end


class Protocol(HttpToolsProtocol):
    """The server's protocol; hands the connection to the application, which may have to drop it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


def serve(  # noqa: PLR0913  (each argument is a command-line option)
    host: str = "127.0.0.1",
    port: int = 8090,
    *,
    seed: int = 7,
    latency: Latency = Latency.DEMO,
    people: Annotated[int, typer.Option(min=1, help="Creators that one query can reach.")] = 3000,
    credits: Annotated[int, typer.Option(min=0, help="Credits of each key.")] = 25_000,  # noqa: A002  (the option's name)
    certificate: Annotated[Path | None, typer.Option(help="Serve by https, with this certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="A fault's name, or a fault as JSON; may be repeated.")
    ] = None,
) -> None:
    """Serve invented people until stopped."""
    try:
        faults = [Fault.parse(text) for text in fault or ()]
    except FaultError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from error
    app = build(Options(seed=seed, people=people, credits=credits, latency=latency, faults=faults))
    uvicorn.run(
        app,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_level="warning",
        access_log=False,
        http=Protocol,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


if __name__ == "__main__":
    typer.run(serve)
