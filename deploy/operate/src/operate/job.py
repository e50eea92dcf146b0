"""`operate job` and `operate find`: from an id, or a reference that a user or a log showed, to all that is known."""

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Group

from common.db.administration import LetterFilter, LetterRow, read_letters
from common.db.operator import JobLine, jobs_of_reference
from common.domain.model import Model
from operate.desk import REFUSED, Desk, at_desk
from operate.dossier import Dossier, read_dossier
from operate.job_screen import job_lines, job_screen
from operate.letter_table import letter_table
from operate.terminal import complain, draw, print_json

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


class Found(Model):
    """What a reference leads to."""

    jobs: list[JobLine]
    letters: list[LetterRow]


def show_job(
    job_id: Annotated[UUID, typer.Argument(metavar="ID")],
    calls: Annotated[int, typer.Option(min=0, max=1000, help="How many rows of the ledger.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show one job: what it is, what it waits on, its searches, its funnel, its last calls, its letters."""

    async def work(desk: Desk) -> Dossier | None:
        async with desk.database.transaction() as connection:
            return await read_dossier(connection, job_id=job_id, calls_max=calls)

    dossier = at_desk(work)
    if dossier is None:
        complain(f"{job_id}: there is no such job")
        raise typer.Exit(REFUSED)
    if as_json:
        print_json(dossier)
    else:
        draw(job_screen(dossier))


def find_reference(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="As the job's error or a log line shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show the jobs and the letters that carry a reference."""

    async def work(desk: Desk) -> Found:
        async with desk.database.connection() as connection:
            return Found(
                jobs=await jobs_of_reference(connection, reference=reference),
                letters=await read_letters(connection, LetterFilter(reference=reference)),
            )

    found = at_desk(work)
    if not found.jobs and not found.letters:
        complain(f"{reference}: no job and no letter carries this reference; the logs may")
        raise typer.Exit(REFUSED)
    if as_json:
        print_json(found)
        return
    parts = [job_lines(found.jobs)] if found.jobs else []
    if found.letters:
        letters = letter_table(found.letters)
        letters.title = "Letters"
        parts += [letters]
    draw(Group(*parts))
