"""What must not be found: values of a run that belong to people or that open doors, and where they are looked for."""

import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
LENGTH_MIN = 7  # what is shorter is found by chance
TEXT_LENGTH = 40

# Columns in which people's e-mails belong.
EMAILS_BELONG_IN = {("candidates", "details"), ("profiles", "account"), ("jobs", "target")}


def markers_of_people(database_url: str) -> set[str]:
    """Addresses, names, handles, ids and biographies of everybody that was found."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            """select platform_id, handle, name, details from candidates
               union all select platform_id, account ->> 'handle', account ->> 'name', account from profiles
               where account is not null"""
        ).fetchall()
    found: set[str] = set()
    for platform_id, handle, name, document in rows:
        found |= {platform_id, handle or "", name or ""}
        for text in texts_of(document):
            found |= set(EMAIL.findall(text))
        bio = document.get("bio") or (document.get("account") or {}).get("bio") or ""
        found |= {line.strip()[:TEXT_LENGTH] for line in bio.splitlines()}
    return {text for text in found if len(text) >= LENGTH_MIN}


def texts_of(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from texts_of(inner)
        case list():
            for inner in value:
                yield from texts_of(inner)


def dump(database_url: str) -> dict[tuple[str, str], str]:
    """Every column of every table that can hold text, as text."""
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            """select table_name, column_name from information_schema.columns
               where table_schema = 'public' and data_type in ('text', 'jsonb', 'ARRAY', 'bytea')"""
        ).fetchall()
        return {
            (table, column): "\n".join(
                row[0]
                for row in connection.execute(
                    psycopg.sql.SQL("select {}::text from {} where {} is not null").format(
                        *map(psycopg.sql.Identifier, (column, table, column))
                    )
                )
            )
            for table, column in columns
        }


def found_in(text: str, markers: Iterable[str]) -> set[str]:
    """Also where it was escaped as JSON does it."""
    return {marker for marker in markers if marker in text or marker.encode("unicode_escape").decode() in text}


@dataclass
class Tap:
    """Keeps every byte that JetStream writes into its store while the block is open."""

    folder: Path
    seen: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    @property
    def text(self) -> str:
        return "\n".join(part.decode("utf-8", "replace") for part in self.seen.values())

    def _watch(self) -> None:
        while not self._stop.is_set():
            for block in self.folder.rglob("*.blk"):
                self._keep(block)
            time.sleep(0.02)

    def _keep(self, block: Path) -> None:
        try:
            content = block.read_bytes()
        except FileNotFoundError:
            return
        # A block is appended to, and emptied once its messages are gone.
        name = f"{block}:{content[:64].hex()}"
        if len(content) > len(self.seen.get(name, b"")):
            self.seen[name] = content
