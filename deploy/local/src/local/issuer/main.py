"""Runs the issuer: `python -m local.issuer.main --port 8092`."""

from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from local.issuer.app import Issuer

SHUTDOWN_S = 1  # an answer that is slow on purpose must not hold up the end


def serve(
    host: str = "127.0.0.1",
    port: int = 8092,
    issuer: Annotated[str | None, typer.Option(help="The `iss` of its tokens; default its own address.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="Serve by https, with this certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
) -> None:
    """Serve keys and mint tokens until stopped."""
    app = Issuer(issuer or f"http://{host}:{port}").app()
    uvicorn.run(
        app,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


if __name__ == "__main__":
    typer.run(serve)
