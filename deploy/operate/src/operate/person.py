"""`operate person`: where somebody is stored, over all owners, for who asks what we know or wants to be gone."""

from typing import Annotated

import typer

from common.db.operator import PersonPlace, find_person
from common.domain.job import PlatformName
from operate.desk import Desk, at_desk
from operate.terminal import at, draw, new_table, plain, print_json, say


def show_person(
    platform: Annotated[PlatformName, typer.Argument(metavar="PLATFORM", help="tiktok, instagram or youtube.")],
    handle: Annotated[str, typer.Argument(metavar="HANDLE", help="With or without @.")],
    data: Annotated[bool, typer.Option("--data", help="With what is stored there; only with --json.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show where an account is stored: jobs that saw it, the cache, jobs that it was the target of."""

    async def work(desk: Desk) -> list[PersonPlace]:
        async with desk.database.connection() as connection:
            return await find_person(connection, platform=platform, handle=handle, with_data=data and as_json)

    places = at_desk(work)
    if as_json:
        print_json(places)
        return
    if not places:
        say(f"{handle} is not stored for {platform}. A name that it had before is another question.")
        return
    table = new_table("as", "id", "owner", "job", "outcome", "since")
    for one in places:
        table.add_row(
            plain(one.place),
            plain(one.platform_id or "-"),
            plain(one.owner or "-"),
            plain(one.job_id or "-"),
            plain(one.outcome or "-"),
            plain(at(one.stored_at) if one.stored_at else "-"),
        )
    draw(table)
