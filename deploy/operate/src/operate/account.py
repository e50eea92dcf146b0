"""`operate accounts`: deletions of accounts, for whoever cannot ask for their own, or whom Clerk says is gone."""

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from common.db.account import Departure, Estate, list_departures
from common.transaction.account import request_deletion
from operate.desk import REFUSED, Desk, at_desk
from operate.terminal import complain, draw, lasts, new_table, plain, print_json, say

COUNT_MAX = 1000

app = typer.Typer(no_args_is_help=True, help="Accounts: deletions, under way and new.")
_OWNER = re.compile(r"(org|user):[A-Za-z0-9_]{1,120}")


@app.command("list")
def show_departures(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show the deletions that are under way, the oldest first."""

    async def work(desk: Desk) -> list[Departure]:
        async with desk.database.connection() as connection:
            return await list_departures(connection, count_max=COUNT_MAX)

    departures = at_desk(work)
    if as_json:
        print_json(departures)
    elif departures:
        now = datetime.now(UTC)
        table = new_table("owner", ">asked for")
        for one in departures:
            table.add_row(plain(one.owner), f"{lasts(now - one.requested_at)} ago")
        draw(table)
    else:
        say("No account is being deleted.")


@app.command()
def delete(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Like user:user_2abc or org:org_2abc.")],
    confirm: Annotated[str, typer.Option(metavar="OWNER", help="The same once more.")],
) -> None:
    """Delete an account with all that is its owner's. The webhook's sweep does it, within minutes."""
    if not _OWNER.fullmatch(owner):
        raise typer.BadParameter("must be like user:user_2abc or org:org_2abc", param_hint="OWNER")
    if confirm != owner:
        complain(f"{owner}: --confirm must repeat it")
        raise typer.Exit(REFUSED)

    async def work(desk: Desk) -> tuple[Departure, Estate]:
        return await request_deletion(desk.database, desk.clock, owner=owner)

    _, estate = at_desk(work)
    say(
        f"{owner}: {estate.jobs} jobs ({estate.active_jobs} of them run and are cancelled first) and "
        f"{estate.campaigns} campaigns will go. Nothing new is taken from now on."
    )
