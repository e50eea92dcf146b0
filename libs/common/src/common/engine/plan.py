"""Decides a job's first searches. The same for every platform; what a platform adds, its steps add."""

from collections.abc import Sequence

from common.platform import PlannedSearch


def plan_keywords(keywords: Sequence[str]) -> tuple[PlannedSearch, ...]:
    """One search per keyword, `#word` as a hashtag; keywords that differ only in case or blanks are one."""
    searches: dict[tuple[str, str], PlannedSearch] = {}
    for keyword in keywords:
        text = " ".join(keyword.split())
        kind = "hashtag" if text.startswith("#") and len(text) > 1 else "keyword"
        query = text.lstrip("#").strip() if kind == "hashtag" else text
        if query:
            searches.setdefault((kind, query.casefold()), PlannedSearch(kind=kind, query=query))
    return tuple(searches.values())
