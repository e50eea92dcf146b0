"""The operator's terminal: answers on stdout, complaints on stderr, and nothing that users wrote steers it."""

import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from common.domain.model import Model

_JOINER = "\N{ZERO WIDTH JOINER}"  # within emojis


def say(line: str = "") -> None:
    """One line, never broken: a pipe may read it."""
    Console(highlight=False).print(plain(line), soft_wrap=True)


def complain(line: str) -> None:
    Console(stderr=True, highlight=False).print(plain(f"operate: {line}"), soft_wrap=True)


def draw(shown: RenderableType) -> None:
    Console(highlight=False).print(shown)


def print_json(value: Model | Sequence[Model]) -> None:
    """One document, with the names of the database's columns."""
    content = (
        value.model_dump(mode="json") if isinstance(value, Model) else [one.model_dump(mode="json") for one in value]
    )
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))


def plain(text: object, style: str = "") -> Text:
    """A text that is shown as it is: no markup, no control characters, nothing that turns the direction of writing."""
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cf") and char != _JOINER else char
        for char in str(text)
    )
    return Text(shown, style=style)


def stack(*lines: Text | str) -> Text:
    """Lines in one cell."""
    return Text("\n").join(line if isinstance(line, Text) else plain(line) for line in lines)


def new_table(*columns: str, title: str | None = None) -> Table:
    """Without a frame, so that it fits a narrow terminal. A column whose name begins with `>` holds numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style="bold")
    for name in columns:
        is_number = name.startswith(">")
        table.add_column(
            name.removeprefix(">"),
            header_style="dim",
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    return table


def lasts(span: timedelta) -> str:
    """A duration to the unit that matters: 42 s, 5 min, 3 h, 9 d."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
