"""The flow that the system replaces, written plainly: one page at a time, its authors' profiles one by one with 100 ms
between them, two seconds between pages, keyword after keyword.

Better than it was in one thing: whom it has it does not buy again, and counts once. A process of its own; what came of
it goes to stdout as JSON.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import httpx
import psycopg

from local.loopback import PLAIN_HTTP

BETWEEN_PROFILES_S = 0.1
BETWEEN_PAGES_S = 2.0


@dataclass(slots=True)
class Run:
    """`seconds` from the first request to the last creator stored. `private` of its creators nobody can look at."""

    seconds: float = 0.0
    pages: int = 0
    profiles: int = 0
    creators: int = 0
    private: int = 0


def perform(upstream: httpx.Client, connection: psycopg.Connection, keywords: list[str], target: int) -> Run:
    run, began = Run(), time.monotonic()
    for keyword in keywords:
        cursor = "0"
        while cursor and run.creators < target:
            cursor = _page(upstream, connection, keyword, cursor, run)
            run.seconds = time.monotonic() - began
            time.sleep(BETWEEN_PAGES_S)
    return run


def _page(upstream: httpx.Client, connection: psycopg.Connection, keyword: str, cursor: str, run: Run) -> str | None:
    """Buy one page and all its new authors, store them; returns the next cursor."""
    page = _ask(upstream, "/v1/tiktok/search/keyword", {"query": keyword, "cursor": cursor})
    run.pages += 1
    for item in page["search_item_list"]:
        author = item["aweme_info"]["author"]
        known = connection.execute("select from creators where id = %s", [author["uid"]]).fetchone()
        if known is None:
            profile = _ask(upstream, "/v1/tiktok/profile", {"handle": author["unique_id"]})
            run.profiles += 1
            connection.execute(
                "insert into creators (id, details) values (%s, %s)", [author["uid"], json.dumps(profile.get("user"))]
            )
            run.creators += 1
            run.private += (profile.get("user") or {}).get("privateAccount", False)
            time.sleep(BETWEEN_PROFILES_S)
    return str(page["cursor"]) if page.get("has_more") else None


def _ask(upstream: httpx.Client, path: str, params: dict[str, str]) -> dict[str, Any]:
    answer = upstream.get(path, params=params)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return {}  # a profile that is gone was paid for all the same
    return answer.raise_for_status().json()


def main() -> None:
    base_url, database_url, target, *keywords = sys.argv[1:]
    with (
        httpx.Client(base_url=base_url, timeout=60, headers={"x-api-key": "bench"}, **PLAIN_HTTP) as upstream,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        connection.execute("create table creators (id text primary key, details jsonb)")
        print(json.dumps(asdict(perform(upstream, connection, keywords, int(target)))))


if __name__ == "__main__":
    main()
