"""What reading a keyword page costs, beside `json.loads` of the same bytes.

The page is made by the sandbox, at the real size of about 2 MB. Processor time is measured in turn in one run, and the
best round of each is compared, so that a busy machine does not decide. Run
`.venv/bin/python services/tiktok/tests/test_cost.py` for the numbers alone.
"""

import json
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time

import pytest

from common.domain.creator import Item
from local.sandbox.answer import Twist
from local.sandbox.tiktok import TikTok
from local.sandbox.world import World
from tiktok.search import KEYWORD

ROUND_COUNT = 25
RATIO_MAX = 1.0
MEMORY_RATIO_MAX = 1.0

pytestmark = pytest.mark.server  # some seconds of measuring


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one way to read a page: processor time in milliseconds and peak memory beyond the page's bytes."""

    milliseconds: float
    peak_bytes: int


def page() -> bytes:
    endpoint = TikTok(World(seed=7, people=3000))
    return endpoint.keyword({"query": "sourdough bread"}, Twist.NONE).body(24_000, is_gzip=False)


def measure(body: bytes) -> tuple[Cost, Cost]:
    """Ours and that of `json.loads`."""
    calls: list[Callable[[bytes], object]] = [KEYWORD.read, json.loads]
    turns = [[spent(call, body) for call in calls] for _ in range(ROUND_COUNT)]
    best = [min(times) * 1000 for times in zip(*turns, strict=True)]
    ours, theirs = (Cost(time, peak(call, body)) for time, call in zip(best, calls, strict=True))
    return ours, theirs


def spent(call: Callable[[bytes], object], body: bytes) -> float:
    start = process_time()
    call(body)
    return process_time() - start


def peak(call: Callable[[bytes], object], body: bytes) -> int:
    tracemalloc.start()
    call(body)
    reached = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return reached


def told(body: bytes, ours: Cost, theirs: Cost) -> str:
    return (
        f"a keyword page of {len(body) / 1e6:.2f} MB: "
        f"candidates {ours.milliseconds:.2f} ms of processor time, json.loads {theirs.milliseconds:.2f} ms, "
        f"ratio {ours.milliseconds / theirs.milliseconds:.2f}; "
        f"peak memory beyond the page {ours.peak_bytes / 1e6:.2f} MB and {theirs.peak_bytes / 1e6:.2f} MB"
    )


def test_a_page_costs_no_more_than_its_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in processor time nor in memory, though it ends as candidates."""
    body = page()
    assert 1_800_000 < len(body) < 2_400_000
    items = KEYWORD.read(body).items
    assert len(items) == 30
    assert all(isinstance(item, Item) and item.content for item in items)
    ours, theirs = measure(body)
    with capsys.disabled():
        print(f"\n{told(body, ours, theirs)}", file=sys.stderr)  # the standard output of a parallel run is not shown
    assert ours.milliseconds <= RATIO_MAX * theirs.milliseconds
    assert ours.peak_bytes <= MEMORY_RATIO_MAX * theirs.peak_bytes


if __name__ == "__main__":
    made = page()
    print(told(made, *measure(made)))
