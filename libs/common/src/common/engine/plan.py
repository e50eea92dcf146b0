"""Decides a job's first searches. The same for every platform; what a platform adds, its steps add."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSearch:
    """`kind` names an entry of the platform's `searches`."""

    kind: str
    query: str


def plan_keywords(keywords: Sequence[str]) -> tuple[FirstSearch, ...]:
    """One search per keyword, `#word` as a hashtag; keywords that differ only in case or blanks are one."""
    searches: dict[tuple[str, str], FirstSearch] = {}
    for keyword in keywords:
        text = " ".join(keyword.split())
        kind = "hashtag" if text.startswith("#") and len(text) > 1 else "keyword"
        query = text.lstrip("#").strip() if kind == "hashtag" else text
        if query:
            searches.setdefault((kind, query.casefold()), FirstSearch(kind=kind, query=query))
    return tuple(searches.values())
