"""Hunting with hypothesis for as long as there is time, each run from another place.

What was ever found lies in `corpus/<target>/` and is tried first in every run. What a run finds is printed as
hypothesis does, with the seed; put it there. `FUZZ_SECONDS=600 make security` hunts longer.
"""

import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

CORPUS = Path(__file__).parent / "corpus"
SECONDS = float(os.environ.get("FUZZ_SECONDS", "25"))
ROUND = 300


def corpus(target: str) -> list[Any]:
    """Inputs that once broke something, or nearly: JSON documents, each a list of inputs."""
    return [each for path in sorted((CORPUS / target).glob("*.json")) for each in json.loads(path.read_text())]


def hunt(test: Callable[[Any], None], inputs: SearchStrategy[Any], *, target: str) -> str:
    """Try the corpus, then whatever `inputs` draws until the time is over; how many were tried, as a sentence.

    Raises what `test` raises for the smallest input that it found.
    """
    tried = 0
    last: Any = None

    def counted(value: Any) -> None:
        nonlocal tried, last
        tried += 1
        last = value
        test(value)

    for known in corpus(target):
        counted(known)
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        round_seed = secrets.randbits(64)
        search = settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.target, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(given(inputs)(counted))
        try:
            seed(round_seed)(search)()
        except BaseException as error:
            error.add_note(f"hunting {target}: seed {round_seed}, after {tried} inputs; the smallest: {last!r}"[:4000])
            raise
    return f"{target}: {tried} inputs tried in {SECONDS:.0f} s"
