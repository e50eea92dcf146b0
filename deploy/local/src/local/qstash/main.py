"""Runs the QStash stand-in: `python -m local.qstash.main --port 8080`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from local.qstash.app import build
from local.qstash.error import BadRequestError
from local.qstash.keys import USERS, read_user
from local.qstash.switch import COPIES_MAX, SignWith, Switches, read_rewrite
from local.qstash.wire import Protocol

SHUTDOWN_S = 1


def serve(  # noqa: PLR0913  (each argument is a command-line option)
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    rewrite: Annotated[
        list[str] | None,
        typer.Option(help="Deliver one origin to another: https://a.example=http://127.0.0.1:9000. Repeatable."),
    ] = None,
    account: Annotated[
        Path | None,
        typer.Option(
            help="A folder with QSTASH_TOKEN and both signing keys as files: its user, not the published ones."
        ),
    ] = None,
    time_factor: Annotated[float, typer.Option(min=0.0, help="0.01 turns half an hour of back-off into 18 s.")] = 1.0,
    production_like: Annotated[bool, typer.Option(help="Refuse destinations on loopback.")] = False,
    duplicate: Annotated[int, typer.Option(min=0, max=COPIES_MAX, help="Copies of every message.")] = 0,
    duplicate_delay_s: Annotated[float, typer.Option(min=0.0, help="Send the copies so long after.")] = 0.0,
    drop_reply: Annotated[int, typer.Option(min=0, help="Publish requests that get no reply.")] = 0,
    reorder: Annotated[int, typer.Option(min=0, help="Deliver so many messages at a time, the last first.")] = 0,
    fail_next: Annotated[int, typer.Option(min=0, help="Attempts that fail.")] = 0,
    lose_answer: Annotated[int, typer.Option(min=0, help="Attempts whose answer is lost.")] = 0,
    clock_skew_s: Annotated[float, typer.Option(help="How far the signing clock is ahead.")] = 0.0,
    sign_with: Annotated[SignWith, typer.Option(help="Which key signs.")] = SignWith.CURRENT,
) -> None:
    """Serve QStash's REST API until stopped; nothing is kept."""
    switches = Switches(
        time_factor=time_factor,
        production_like=production_like,
        duplicate=duplicate,
        duplicate_delay_s=duplicate_delay_s,
        drop_reply=drop_reply,
        reorder=reorder,
        fail_next=fail_next,
        lose_answer=lose_answer,
        clock_skew_s=clock_skew_s,
        sign_with=sign_with,
    )
    try:
        switches = replace(switches, rewrite=dict(read_rewrite(text) for text in rewrite or ()))
    except BadRequestError as error:
        raise typer.BadParameter(error.text, param_hint="--rewrite") from error
    try:
        users = USERS if account is None else (read_user(account),)
    except OSError as error:
        raise typer.BadParameter(f"{error.filename} cannot be read", param_hint="--account") from error
    uvicorn.run(
        build(switches, users=users),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        http=Protocol,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


if __name__ == "__main__":
    typer.run(serve)
