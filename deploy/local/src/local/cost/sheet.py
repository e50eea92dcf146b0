"""Bills as a table: a row per run, and a bar of what its credits went for."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.cost.bill import LACKING, Bill, Unavailable

BAR_WIDTH: Final = 20
_ENDLESS: Final = 10_000
PAGE_STYLE, PROFILE_STYLE = "cyan", "magenta"
NOT_AVAILABLE: Final = "not available"
_NUMBERS: Final = (
    "asked\nfor",
    "creators",
    "pages\nbought",
    "profiles\nbought",
    "distinct\ncandi-\ndates",
    "lacked a\nprofile: bought/\ncached/not\nfound/failed/\nskipped",
    "credits",
    "credits/\ncreator",
    "credits/\ncreator\nwith\ne-mail",
    "seconds",
)


def print_bills(console: Console, bills: Sequence[Bill | Unavailable]) -> None:
    """Every number whole, however narrow the terminal: the bar gives way first, then the terminal breaks the lines."""
    table = _table(bills, has_bar=True)
    if _width(console, table) > console.width:
        table = _table(bills, has_bar=False)
        console.width = max(console.width, _width(console, table))
    console.print(table)


def _width(console: Console, table: Table) -> int:
    """What the table takes if nobody minds."""
    return console.measure(table, options=console.options.update(width=_ENDLESS)).maximum


def _table(bills: Sequence[Bill | Unavailable], *, has_bar: bool) -> Table:
    """In the order of the runs."""
    table = Table(
        title="What jobs cost", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    for name in ("platform", "mode"):
        table.add_column(name, no_wrap=True)
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    if has_bar:
        table.add_column(Text.assemble("credits for\n", ("pages", PAGE_STYLE), " ", ("profiles", PROFILE_STYLE)))
    dearest = max((bill.credits for bill in bills if isinstance(bill, Bill)), default=0)
    for bill in bills:
        cells = _row(bill, dearest) if isinstance(bill, Bill) else _lack(bill)
        table.add_row(*cells[: len(table.columns)])
    return table


def _row(bill: Bill, dearest: int) -> list[Text]:
    run = bill.run
    cells = (
        f"{bill.delivered:,}",
        f"{bill.pages:,}",
        f"{bill.profiles:,}",
        f"{bill.candidate_count:,}",
        "/".join(str(bill.enrichments[name]) for name in LACKING),
        f"{bill.credits:,}",
        _ratio(bill.credits_per_creator),
        _ratio(bill.credits_per_creator_with_email),
        f"{bill.seconds:.1f}",
    )
    plain = [Text(run.platform), Text(f"{run.mode} {run.note}".strip()), Text(str(run.target)), *map(Text, cells)]
    return [*plain, _bar(bill, dearest)]


def _lack(bill: Unavailable) -> list[Text]:
    run = bill.run
    return [
        Text(run.platform),
        Text(f"{run.mode} {run.note}".strip()),
        Text(str(run.target)),
        Text(NOT_AVAILABLE, style="yellow"),
    ]


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _bar(bill: Bill, dearest: int) -> Text:
    """As long as the run was dear; pages first, then profiles."""
    unit = BAR_WIDTH / max(dearest, 1)
    whole, pages = round(bill.credits * unit), round(bill.pages * unit)
    pages = min(pages, whole)
    return Text.assemble(("█" * pages, PAGE_STYLE), ("█" * (whole - pages), PROFILE_STYLE))
