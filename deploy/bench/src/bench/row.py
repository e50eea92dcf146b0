"""A line of the benchmark's table: two things measured in turn, and what is promised of their ratio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final


class BenchError(Exception):
    """A part could not measure what it is to measure."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours over theirs, one value a round; what counts is the median."""

    rounds: tuple[float, ...]

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float]) -> "Ratio":
        """Of two series that were measured in turn: each round with its neighbour. Of two of different length, the
        medians are divided instead, and the spread is the ratio's at the extremes."""
        if len(ours) == len(theirs):
            return cls(tuple(a / b for a, b in zip(ours, theirs, strict=True)))
        typical = median(ours) / median(theirs)
        return cls((min(ours) / max(theirs), typical, max(ours) / min(theirs)))

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def low(self) -> float:
        return min(self.rounds)

    @property
    def high(self) -> float:
        return max(self.rounds)


@dataclass(frozen=True, slots=True)
class Goal:
    """What is promised of a ratio."""

    bound: float
    is_ceiling: bool = False

    def is_met(self, ratio: Ratio) -> bool:
        return ratio.median <= self.bound if self.is_ceiling else ratio.median >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.is_ceiling else '≥'} {self.bound:g}"


def at_least(bound: float) -> Goal:
    return Goal(bound)


def at_most(bound: float) -> Goal:
    return Goal(bound, is_ceiling=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`ours` and `theirs` are figures with their units, for people. Without a ratio or a goal it is only shown.

    `note` says in a few words what a reader must know to trust the figure. `is_failed`: it could not be measured.
    """

    what: str
    ours: str
    theirs: str = "–"
    ratio: Ratio | None = None
    goal: Goal | None = None
    note: str = ""
    is_failed: bool = False

    @property
    def is_missed(self) -> bool:
        return self.goal is not None and (self.ratio is None or not self.goal.is_met(self.ratio))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a part found: rows for the table, and text for below it (Markdown), such as plans or a table of its own."""

    rows: tuple[Row, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a part gets: a folder of its own for its data, the project's root, and whom to tell how far it is."""

    folder: Path
    root: Path
    report: Callable[[str], None] = field(default=lambda _: None)


SEPARATOR: Final = " · "
"""Between several figures in one cell."""
