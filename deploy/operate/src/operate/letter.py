"""`operate letters`: look at dead letters, drive them again, put them away."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from common.db.administration import LetterFilter, LetterRow, read_letters
from common.db.operator import list_platforms, open_letter_ids
from common.engine.reopening import Refusal
from common.transaction.lock import UnknownJobError
from common.transaction.quota import DayUsedUpError, QuotaExceededError
from common.transaction.redrive import LetterRefusal, LetterRefusedError, discard_letter, redrive_letter
from common.transaction.reopening import NotReopenedError
from operate.desk import REFUSED, Desk, at_desk
from operate.letter_table import letter_table
from operate.terminal import complain, draw, print_json, say
from operate.who import By, read_name

COUNT_MAX = 200

app = typer.Typer(no_args_is_help=True, help="Dead letters: steps that were given up.")
Ids = Annotated[list[UUID] | None, typer.Argument(metavar="ID...", help="Letters, as `letters list` shows them.")]


@app.command("list")
def list_letters(
    resolved: Annotated[bool, typer.Option("--resolved", help="Those that were settled, not the open ones.")] = False,
    before: Annotated[UUID | None, typer.Option(metavar="ID", help="Go on below this letter.")] = None,
    count: Annotated[int, typer.Option(min=1, max=COUNT_MAX, help="How many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show letters, the newest first."""
    wanted = LetterFilter(is_open=not resolved, before=before, count_max=count + 1)

    async def work(desk: Desk) -> list[LetterRow]:
        async with desk.database.connection() as connection:
            return await read_letters(connection, wanted)

    letters = at_desk(work)
    shown = letters[:count]
    if as_json:
        print_json(shown)
    elif shown:
        draw(letter_table(shown))
        if len(letters) > count:
            say(f"More: --before {shown[-1].id}")
    else:
        say(f"No {'resolved' if resolved else 'open'} letters{' below this one' if before else ''}.")


@app.command()
def redrive(
    ids: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="Every open letter, the oldest first.")] = False,
    by: By = None,
) -> None:
    """Drive the steps of letters again; a job that ended in error or timeout is retried as a whole."""
    if bool(ids) is every:
        raise typer.BadParameter("give the ids of letters, or --all")
    name = read_name(by)

    async def work(desk: Desk) -> bool:
        async with desk.database.connection() as connection:
            chosen = await open_letter_ids(connection) if every else list(dict.fromkeys(ids or ()))
            letters = await read_letters(connection, LetterFilter(ids=chosen, count_max=len(chosen)))
        if not chosen:
            say("No open letters.")
        was_open = {letter.id for letter in letters if letter.resolved_at is None}
        went_well = [await _redrive(desk, letter_id, name, was_open=letter_id in was_open) for letter_id in chosen]
        if any(went_well):
            await _tell_who_publishes(desk, letters)
        return all(went_well)

    if not at_desk(work):
        raise typer.Exit(REFUSED)


@app.command()
def discard(ids: Annotated[list[UUID], typer.Argument(metavar="ID...")], by: By = None) -> None:
    """Put letters away; their jobs stay as they are."""
    name = read_name(by)

    async def work(desk: Desk) -> bool:
        return all([await _discard(desk, letter_id, name) for letter_id in dict.fromkeys(ids)])

    if not at_desk(work):
        raise typer.Exit(REFUSED)


async def _redrive(desk: Desk, letter_id: UUID, by: str, *, was_open: bool) -> bool:
    try:
        due = await redrive_letter(await desk.unit(), letter_id, await desk.renewal(), by=by)
    except LetterRefusedError as error:
        if was_open and error.refusal is LetterRefusal.UNKNOWN:
            say(f"{letter_id}: settled meanwhile, with its job or by somebody else")
            return True
        return _refuse(letter_id, error.refusal)
    except NotReopenedError as error:
        return _refuse(letter_id, error.refusal)
    except QuotaExceededError:
        return _refuse(letter_id, "its owner's credits for today (UTC) do not cover another run")
    except DayUsedUpError:
        return _refuse(letter_id, "what all jobs may spend today (UTC) does not cover another run")
    except UnknownJobError:
        return _refuse(letter_id, "its job is gone: discard the letter")
    steps = "1 step is due" if len(due) == 1 else f"{len(due)} steps are due"
    say(f"{letter_id}: redriven, {steps if due else 'it waits for its turn'}")
    return True


async def _discard(desk: Desk, letter_id: UUID, by: str) -> bool:
    try:
        await discard_letter(await desk.unit(), letter_id, by=by)
    except LetterRefusedError as error:
        return _refuse(letter_id, error.refusal)
    say(f"{letter_id}: discarded, its job stays as it is")
    return True


def _refuse(letter_id: UUID, why: LetterRefusal | Refusal | str) -> bool:
    complain(f"{letter_id}: {why}")
    return False


async def _tell_who_publishes(desk: Desk, letters: Sequence[LetterRow]) -> None:
    every = (await desk.settings.current()).recovery.sweep_every
    say(f"What is due, the webhook's sweep publishes within seconds (it looks every {every.total_seconds():.0f} s).")
    async with desk.database.connection() as connection:
        platforms = await list_platforms(connection)
    for one in platforms:
        if one.state != "open" and one.platform in {letter.platform for letter in letters}:
            say(f"But {one.platform} waits ({one.reason}): nothing of it goes on before that ends.")
