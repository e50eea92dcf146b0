"""A keyword page at its real size, read to candidates, beside `json.loads` of the same bytes."""

import json
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Final

from bench.row import Bench, Finding, Ratio, Row, at_most
from bench.series import alternate
from local.sandbox.answer import Twist
from local.sandbox.tiktok import TikTok
from local.sandbox.world import World
from tiktok.search import KEYWORD

ROUNDS: Final = 25
_FINGERPRINT_MEMBERS: Final = 24_000


def run(bench: Bench) -> Finding:
    bench.report("making a page")
    body = (
        TikTok(World(seed=7, people=3000))
        .keyword({"query": "sourdough bread"}, Twist.NONE)
        .body(_FINGERPRINT_MEMBERS, is_gzip=False)
    )
    bench.report("reading it")
    series = alternate({"ours": lambda: spent(KEYWORD.read, body), "json": lambda: spent(json.loads, body)}, ROUNDS)
    return Finding(
        rows=(
            Row(
                what=f"a keyword page of {len(body) / 1e6:.1f} MB to candidates",
                ours=f"{median(series['ours']) * 1000:.1f} ms",
                theirs=f"json.loads {median(series['json']) * 1000:.1f} ms",
                ratio=Ratio.of(series["ours"], series["json"]),
                goal=at_most(1.0),
                note="processor time",
            ),
        )
    )


def spent(call: Callable[[bytes], object], body: bytes) -> float:
    """Processor time in seconds."""
    began = process_time()
    call(body)
    return process_time() - began
