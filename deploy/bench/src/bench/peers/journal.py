"""What the workers of a crash wrote, and what it says: when each step in the hand of the killed began elsewhere."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    at: float
    who: str
    what: str
    job: int
    step: int

    @property
    def place(self) -> tuple[int, int]:
        return self.job, self.step


@dataclass(frozen=True, slots=True)
class Aftermath:
    """`recovered_s`: from the kill to the last beginning elsewhere of what was in hand; None if one did not begin, or
    none was begun.
    `lost`: jobs that did not end. `again`: steps that began more than once; `twice`: steps that ended so, None where a
    database's guards make it impossible."""

    in_hand: int
    recovered_s: float | None
    lost: int
    again: int
    twice: int | None


def read(path: Path) -> list[Line]:
    if not path.exists():
        return []
    return [_line(text) for text in path.read_text().splitlines()]


def _line(text: str) -> Line:
    at, who, what, job, step = text.split()
    return Line(float(at), who, what, int(job), int(step))


def in_hand(lines: Sequence[Line], who: str, at: float) -> set[tuple[int, int]]:
    """What this worker had begun and not ended by then."""
    own = [line for line in lines if line.who == who and line.at <= at]
    ended = {line.place for line in own if line.what == "end"}
    return {line.place for line in own if line.what == "begin"} - ended


def has_steps(lines: Sequence[Line], who: str) -> bool:
    """Whether it is at work: it has ended a step and has another in hand."""
    return any(line.who == who and line.what == "end" for line in lines) and bool(in_hand(lines, who, float("inf")))


def judge(lines: Sequence[Line], who: str, killed_at: float, jobs: int, steps: int) -> Aftermath:
    held = in_hand(lines, who, killed_at)
    later: dict[tuple[int, int], float] = {}
    for line in lines:
        if line.what == "begin" and line.at > killed_at and line.place in held:
            later.setdefault(line.place, line.at)
    ended = Counter(line.place for line in lines if line.what == "end")
    begun = Counter(line.place for line in lines if line.what == "begin")
    return Aftermath(
        in_hand=len(held),
        recovered_s=max(later.values()) - killed_at if held and later.keys() == held else None,
        lost=sum((job, steps - 1) not in ended for job in range(jobs)),
        again=sum(count > 1 for count in begun.values()),
        twice=sum(count > 1 for count in ended.values()),
    )
