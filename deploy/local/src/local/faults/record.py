"""What the fault suite did and looked at, counted, over all of its processes: the report at the end of a run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Blow = tuple[str, str, str]
"""Process, signal, place."""


@dataclass(slots=True)
class Record:
    """Blows by process, signal and place; checks by what they say; notes in the order of their making."""

    blows: Counter[Blow] = field(default_factory=Counter[Blow])
    checks: Counter[str] = field(default_factory=Counter[str])
    notes: list[str] = field(default_factory=list[str])

    def strike(self, process: str, signal: str, place: str) -> None:
        self.blows[process, signal, place] += 1

    def confirm(self, promise: str, count: int = 1) -> None:
        """The promise was looked at and kept."""
        self.checks[promise] += count

    def note(self, line: str) -> None:
        self.notes.append(line)

    def told(self) -> dict[str, Any]:
        """As plain values, for another process."""
        return {
            "blows": [[*blow, count] for blow, count in self.blows.items()],
            "checks": dict(self.checks),
            "notes": self.notes,
        }

    def add(self, told: dict[str, Any]) -> None:
        """Take over what another process counted."""
        for process, signal, place, count in told["blows"]:
            self.blows[process, signal, place] += count
        self.checks.update(told["checks"])
        self.notes.extend(told["notes"])

    def render(self) -> str:
        """The report as Markdown tables that are readable as they are."""
        killed = sum(count for (_, signal, _), count in self.blows.items() if signal in ("SIGKILL", "SIGQUIT"))
        blows = [[*blow, str(count)] for blow, count in sorted(self.blows.items())]
        checks = [[promise, str(count)] for promise, count in sorted(self.checks.items())]
        parts = [
            f"{killed} processes killed, {sum(self.checks.values())} checks",
            _table(["process", "signal", "where", "times"], blows),
            _table(["what was checked", "times"], checks),
        ]
        if self.notes:
            parts.append("\n".join(f"- {line}" for line in sorted(self.notes)))
        return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    told = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    told.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(told)
