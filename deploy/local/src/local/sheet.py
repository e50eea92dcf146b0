"""Creators as a table: on the screen, and as a CSV file that no spreadsheet takes for formulas."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from local.client import Creator

_FORMULA_STARTS = frozenset("=+-@\t\r\n\0＝＋－＠")
_INVISIBLE = "\ufeff \u00a0\u3000\u200b\u200c\u200d\u200e\u200f\u2060"
_BIO_CHARS_MAX = 60
_HEADER = (
    "platform",
    "handle",
    "name",
    "followers",
    "verified",
    "emails",
    "bio",
    "profile_url",
    "video_url",
    "video_description",
    "likes",
    "comments",
    "shares",
    "views",
    "hashtags",
)


def write_csv(path: Path, creators: Iterable[Creator]) -> None:
    """One row per creator, every field quoted, unknown as an empty field."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(_HEADER)
        writer.writerows([safe(field) for field in _row(creator)] for creator in creators)


def safe(value: object) -> str:
    """The field's text, with an apostrophe before what a spreadsheet would run as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(_INVISIBLE)[:1] in _FORMULA_STARTS else text


def creators_table(creators: Sequence[Creator], title: str) -> Table:
    """Handle, followers and link are shown whole, however narrow the terminal; e-mail and bio get what is left."""
    handles = max((len(creator.handle) for creator in creators), default=0)
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", expand=True, padding=(0, 1, 0, 0))
    table.add_column("creator", no_wrap=True, min_width=handles)
    table.add_column("followers", justify="right", no_wrap=True, min_width=9)
    table.add_column("e-mail", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("bio", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("link", overflow="fold", min_width=24, ratio=4)
    for creator in creators:
        followers = "" if creator.followers is None else f"{creator.followers:,}"
        link = creator.profile_url.removeprefix("https://www.")
        cells = (creator.handle, followers, ", ".join(creator.emails), creator.bio or "", link)
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    return table


def one_line(text: str) -> str:
    """What a stranger wrote, fit for a terminal: one line, no control characters, not too long."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= _BIO_CHARS_MAX else line[: _BIO_CHARS_MAX - 1] + "…"


def _row(creator: Creator) -> tuple[object, ...]:
    statistics = creator.video.get("statistics") or {}
    return (
        creator.platform,
        creator.handle,
        creator.name,
        creator.followers,
        creator.verified,
        " ".join(creator.emails),
        creator.bio,
        creator.profile_url,
        creator.video.get("url"),
        creator.video.get("description"),
        *(statistics.get(key) for key in ("likes", "comments", "shares", "views")),
        " ".join(creator.hashtags),
    )
