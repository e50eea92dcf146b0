"""A text's mentions of accounts: handles without `@`, each once whatever its case."""

import re
from collections.abc import Iterable
from typing import Final

MENTION_COUNT_MAX: Final = 50

# An @ behind a letter belongs to an address.
_WRITTEN = re.compile(r"(?<![\w.@])[@＠]([A-Za-z0-9_](?:[A-Za-z0-9_.]{0,28}[A-Za-z0-9_])?)(?![\w@])")


def unique_mentions(handles: Iterable[str | None]) -> tuple[str, ...]:
    """Each handle once, folded, in the order given."""
    folded = dict.fromkeys((handle or "").strip().lstrip("@＠").lower() for handle in handles)
    folded.pop("", None)
    return tuple(folded)[:MENTION_COUNT_MAX]


def written_mentions(text: str | None) -> list[str]:
    """The accounts that a text mentions."""
    return _WRITTEN.findall(text or "")
