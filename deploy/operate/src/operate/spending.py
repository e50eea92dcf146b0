"""`operate spending`: the switch over all paid calls, and what all jobs together spend."""

from typing import Annotated

import typer

from common.db.operator import SpendingLine, read_spending
from common.transaction.setting import Request, reset_setting, set_setting
from operate.desk import Desk, at_desk
from operate.terminal import print_json, say
from operate.who import By, read_name

app = typer.Typer(help="Paid calls of all platforms: what is spent, stop, allow.")
_PLACE = ("api", "paid_calls")


class Screen(SpendingLine):
    """With the cap of the day, which is a setting that services keep."""

    day_max: int | None


@app.callback(invoke_without_command=True)
def show_spending(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Paid calls of all platforms: what is spent, stop, allow. Without a command: show it."""
    if context.invoked_subcommand is not None:
        return
    screen = at_desk(read_screen)
    if as_json:
        print_json(screen)
    else:
        say(describe(screen))


@app.command()
def stop(by: By = None) -> None:
    """Stop every paid call of every platform until they are allowed again."""
    request = _request(by)

    async def work(desk: Desk) -> bool:
        return await set_setting(await desk.unit(), request, "stopped")

    at_desk(work)
    say("Paid calls: stopped. None begins from now on; those under way are settled, and all jobs wait.")


@app.command()
def allow(by: By = None) -> None:
    """Let paid calls begin again."""
    request = _request(by)

    async def work(desk: Desk) -> bool:
        return await reset_setting(await desk.unit(), request)

    at_desk(work)
    say("Paid calls: allowed. Workers go on within seconds.")


def _request(by: str | None) -> Request:
    category, key = _PLACE
    return Request(category=category, key=key, by=read_name(by), is_operator=True)


async def read_screen(desk: Desk) -> Screen:
    """What is in force now; the day's cap as services have it."""
    unit = await desk.unit()
    async with desk.database.connection() as connection:
        line = await read_spending(connection)
    return Screen(**line.model_dump(), day_max=unit.credits_per_day_of_all)


def describe(screen: Screen) -> str:
    """Two sentences: the switch, and what is used of the caps."""
    state = "stopped: operate spending allow" if screen.is_stopped else "allowed"
    day = f"today (UTC) {_of(screen.day_granted, screen.day_max)}"
    minute = "" if screen.minute_max is None else f", this minute {_of(screen.minute_credits, screen.minute_max)}"
    return f"Paid calls: {state}. Granted {day}{minute}."


def _of(used: int, most: int | None) -> str:
    return f"{used:,} credits" if most is None else f"{used:,} of {most:,} credits"
