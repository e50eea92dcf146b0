"""A measurement as a table: a row per kind of request, and a bar of its rate."""

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.bench.gateway.contest import BARE, Result, Score

BAR_WIDTH: Final = 24
_COLUMNS: Final = (
    "requests\na second",
    "of the bare\nhandler's",
    "p50\nms",
    "p99\nms",
    "server CPU\nµs/request",
    "bytes",
)


def print_result(console: Console, result: Result) -> None:
    table = Table(
        title="What a request costs the gateway: one process, medians",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    table.add_column("")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    fastest = max(score.rate for score in result.scores)
    for score in result.scores:
        table.add_row(*_row(score, result.score(BARE).rate), _bar(score, fastest))
    console.print(table)
    console.print(f"The load generator itself reaches {result.ceiling:,.0f} requests a second.", highlight=False)


def _row(score: Score, bare_rate: float) -> list[str]:
    return [
        score.entrant.name,
        f"{score.rate:,.0f}",
        f"{score.rate / bare_rate:.2f}",
        f"{score.p50_ms:.2f}",
        f"{score.p99_ms:.2f}",
        f"{score.cpu_us:,.0f}",
        f"{score.bytes:,}",
    ]


def _bar(score: Score, fastest: float) -> Text:
    style = "cyan" if score.entrant is BARE else "magenta"
    return Text("█" * max(1, round(BAR_WIDTH * score.rate / fastest)), style=style)
