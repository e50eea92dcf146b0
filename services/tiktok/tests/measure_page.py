"""How long a keyword page of realistic size takes to become items, against `json.loads` of the same bytes.

Run `.venv/bin/python services/tiktok/tests/measure_page.py`; it prints medians of calls made in turn.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tiktok.search import KEYWORD

DATA = Path(__file__).parent / "data"
ITEM_COUNT = 30
BYTES = 2_000_000
ROUNDS = 200


def synthetic_page() -> bytes:
    """30 posts of the sample, padded as real ones are: more addresses and numbers in fields that nobody reads."""
    body = json.loads((DATA / "keyword.json").read_bytes())
    posts = body["search_item_list"]
    body["search_item_list"] = [json.loads(json.dumps(posts[index % len(posts)])) for index in range(ITEM_COUNT)]
    address = {"url_list": posts[0]["aweme_info"]["author"]["avatar_larger"]["url_list"], "width": 720, "height": 720}
    missing = (BYTES - len(encoded(body))) // ITEM_COUNT
    for entry in body["search_item_list"]:
        entry["aweme_info"]["padding"] = [address] * (missing // len(encoded(address)))
    return encoded(body)


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def milliseconds(call: Callable[[bytes], object], body: bytes) -> float:
    start = time.perf_counter()
    call(body)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    body = synthetic_page()
    assert len(KEYWORD.read(body).items) == ITEM_COUNT
    turns = [(milliseconds(KEYWORD.read, body), milliseconds(json.loads, body)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*turns, strict=True))
    print(f"{len(body):,} bytes: items {ours:.2f} ms, json.loads {theirs:.2f} ms, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
