"""What a worker's log tells of the steps that it performed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Performed:
    """A delivery's line. `began_at` is by the clock of the machine, good to a millisecond: that is how durations are
    told."""

    fact: dict[str, Any]
    began_at: float


def performed(log: Path, *, skipped: int = 0) -> Iterator[Performed]:
    """Every delivery of a step, by what stands behind so many bytes of the log."""
    for line in log.read_bytes()[skipped:].decode().splitlines():
        fact = json.loads(line) if line.startswith("{") else {}
        if fact.get("event") == "step.performed":
            ended = datetime.fromisoformat(fact["timestamp"]).timestamp()
            yield Performed(fact, ended - fact["milliseconds"] / 1000)
