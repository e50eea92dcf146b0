"""The benchmark's rows as people read them: on a terminal, and in a document."""

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.row import Ratio, Row

COLUMNS: Final = ("what", "ours", "theirs, or the floor", "ratio", "spread", "goal")


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title="Benchmarks", title_justify="left")
    for name in COLUMNS:
        is_figure = name in ("ratio", "spread", "goal")
        table.add_column(name, justify="right" if is_figure else "left", no_wrap=is_figure)
    table.add_column("")
    for row in rows:
        table.add_row(*cells(row), _verdict(row))
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"{row.what}: {row.note}", markup=False, highlight=False)


def cells(row: Row) -> tuple[str, ...]:
    """In the order of COLUMNS."""
    ratio = row.ratio
    return (
        row.what,
        row.ours,
        row.theirs,
        "–" if ratio is None else figure(ratio.median),
        "–" if ratio is None else spread(ratio),
        "–" if row.goal is None else str(row.goal),
    )


def spread(ratio: Ratio) -> str:
    """The lowest and the highest round."""
    return f"{figure(ratio.low)} to {figure(ratio.high)}"


def figure(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"


def markdown(rows: Sequence[Row]) -> str:
    """The table and, below it, the notes."""
    lines = [f"| {' | '.join((*COLUMNS, ''))} |", "|---|---|---|---:|---:|---:|---|"]
    for number, row in enumerate(rows, start=1):
        what, *others = (cell.replace("|", "\\|") for cell in cells(row))
        mark = f" <sup>{number}</sup>" if row.note else ""
        lines.append(f"| {what}{mark} | {' | '.join(others)} | {_verdict(row).plain} |")
    notes = [f"{number}. {row.what}: {row.note}" for number, row in enumerate(rows, start=1) if row.note]
    return "\n".join((*lines, "", *notes, ""))


def _verdict(row: Row) -> Text:
    if row.goal is None:
        return Text("")
    return Text("missed", style="red") if row.is_missed else Text("met", style="green")
