"""How letters look: a few lines each, so that whole ids fit a narrow terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from common.db.administration import LetterRow
from operate.terminal import lasts, new_table, plain, stack

REASON_WIDTH = 16  # the longest of ours
OWNER_WIDTH = 37  # an id, and an owner as Clerk names users


def letter_table(letters: Sequence[LetterRow]) -> Table:
    now = datetime.now(UTC)
    table = new_table("letter, job, owner", ">age", "reason, reference", "search, step")
    table.columns[0].width, table.columns[2].width = OWNER_WIDTH, REASON_WIDTH
    table.padding = (0, 2, 1, 0)
    for letter in letters:
        table.add_row(
            stack(plain(letter.id, "bold"), str(letter.job_id or "-"), letter.owner or "-"),
            lasts(now - letter.created_at),
            stack(letter.reason, letter.reference or "-", *_resolution(letter)),
            stack(_job(letter), *_search(letter)),
        )
    return table


def _job(letter: LetterRow) -> Text:
    if letter.job_status is None:
        return plain("job is gone", "yellow")
    return plain(f"{letter.platform}, {letter.job_status}")


def _search(letter: LetterRow) -> list[str]:
    name = [f"{letter.kind} {letter.query}"] if letter.kind is not None else []
    return [*name, f"step {letter.step}{f', generation {letter.generation}' if letter.generation else ''}"]


def _resolution(letter: LetterRow) -> list[str]:
    if letter.resolution is None:
        return []
    return [f"{letter.resolution} by {letter.resolved_by}" if letter.resolved_by else letter.resolution]
