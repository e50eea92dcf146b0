"""`operate platforms`: which upstreams may be called, and a hand on the switch."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from common.db.operator import PlatformLine, list_platforms
from common.db.platform_state import resume_platform, stop_platform
from common.domain.job import PlatformName
from operate.desk import REFUSED, Desk, at_desk
from operate.spending import Screen, describe, read_screen
from operate.terminal import complain, draw, lasts, new_table, plain, print_json, say

app = typer.Typer(help="Platforms: state, pause, resume.")
Name = Annotated[PlatformName, typer.Argument(metavar="PLATFORM", help="tiktok, instagram or youtube.")]


@app.callback(invoke_without_command=True)
def show_platforms(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Platforms: state, pause, resume. Without a command: show them."""
    if context.invoked_subcommand is not None:
        return
    platforms, screen = at_desk(_read)
    if as_json:
        print_json(platforms)
    elif platforms:
        draw(platform_table(platforms))
        say(describe(screen))
    else:
        say("No worker of any platform has started yet.")


@app.command()
def pause(platform: Name) -> None:
    """Stop all spending of a platform until it is resumed."""

    async def work(desk: Desk) -> bool:
        async with desk.database.connection() as connection:
            return await stop_platform(connection, platform=platform)

    _settle(platform, is_known=at_desk(work))
    say(f"{platform}: paused. No further call is made; what is in flight is settled, and its jobs wait.")


@app.command()
def resume(platform: Name) -> None:
    """End whatever pause there is, also one that the upstream asked for."""

    async def work(desk: Desk) -> bool:
        async with desk.database.connection() as connection:
            return await resume_platform(connection, platform=platform)

    _settle(platform, is_known=at_desk(work))
    say(f"{platform}: open. Its workers go on within seconds, a few steps at first.")


async def _read(desk: Desk) -> tuple[list[PlatformLine], Screen]:
    screen = await read_screen(desk)
    async with desk.database.connection() as connection:
        return await list_platforms(connection), screen


def _settle(platform: PlatformName, *, is_known: bool) -> None:
    if not is_known:
        complain(f"{platform}: no worker of this platform has started yet")
        raise typer.Exit(REFUSED)


def platform_table(platforms: Sequence[PlatformLine]) -> Table:
    now = datetime.now(UTC)
    table = new_table("platform", "state", "reason", "until", ">changed", ">resumed", ">jobs")
    for one in platforms:
        table.add_row(
            plain(one.platform, "bold"),
            plain(one.state, "green" if one.state == "open" else "yellow"),
            plain(one.reason or "-"),
            waits_until(one, now),
            f"{lasts(now - one.changed_at)} ago",
            f"{lasts(now - one.resumed_at)} ago" if one.resumed_at else "-",
            str(one.active_jobs),
        )
    return table


def waits_until(one: PlatformLine, now: datetime) -> str:
    """When the pause may end, in words."""
    if one.state == "open":
        return "-"
    if one.until is None:
        return "it is resumed"
    if one.is_probing:
        return "a call tries now"
    if one.until <= now:
        return "a next call tries"
    return f"a call tries in {lasts(one.until - now)}"
