"""Bills as a table: a row per run, and a bar of what its credits went for."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from local.cost.bill import LACKING, Bill, Unavailable

BAR_WIDTH: Final = 20
PAGE_STYLE, PROFILE_STYLE = "cyan", "magenta"
NOT_AVAILABLE: Final = "not available"
_NUMBERS: Final = (
    "asked\nfor",
    "\ncreators",
    "pages\nbought",
    "profiles\nbought",
    "distinct\ncandidates",
    "lacked a profile:\nbought/cached/not\nfound/failed/skipped",
    "\ncredits",
    "credits\nper\ncreator",
    "credits per\ncreator with\ne-mail",
    "\nseconds",
)


def bills_table(bills: Sequence[Bill | Unavailable]) -> Table:
    """In the order of the runs. Numbers are shown whole, however narrow the terminal; the bar gives way."""
    table = Table(title="What jobs cost", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("platform", no_wrap=True, min_width=len("instagram"))
    table.add_column("mode", no_wrap=True, min_width=len("keyword again"))
    for name in _NUMBERS:
        table.add_column(name, justify="right", no_wrap=True, min_width=max(map(len, name.split("\n"))))
    bar = Text.assemble("credits for\n", ("pages", PAGE_STYLE), " ", ("profiles", PROFILE_STYLE))
    table.add_column(bar, no_wrap=True, overflow="crop")
    dearest = max((bill.credits for bill in bills if isinstance(bill, Bill)), default=0)
    for bill in bills:
        table.add_row(*(_row(bill, dearest) if isinstance(bill, Bill) else _lack(bill)))
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
