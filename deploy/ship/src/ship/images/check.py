"""What was found: an error that ends everything, and a sheet of what was looked at."""

from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.table import Table


class CheckError(Exception):
    """Something does not hold, or cannot be done here. The text is one line for people."""


@dataclass(slots=True)
class Sheet:
    """What was looked at, in the order of looking: subject, promise, what was seen."""

    console: Console
    rows: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def doing(self, what: str) -> None:
        """Say what is being done now."""
        self.console.print(f"[dim]→[/dim] {what}", highlight=False)

    def confirm(self, subject: str, promise: str, seen: object = "") -> None:
        """The promise was looked at and kept."""
        self.rows.append((subject, promise, str(seen)))
        self.console.print(f"  [green]✓[/green] {subject}: {promise} [dim]{seen}[/dim]", highlight=False)

    def note(self, subject: str, line: str) -> None:
        """A fact that is neither good nor bad."""
        self.rows.append((subject, "(noted)", line))
        self.console.print(f"  · {subject}: {line}", highlight=False)

    def table(self) -> Table:
        table = Table(title="What was checked", box=box.SIMPLE_HEAD, title_justify="left")
        for name in ("subject", "promise", "seen"):
            table.add_column(name, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table


def demand(holds: object, what: str) -> None:
    """Raise CheckError with this line unless it holds."""
    if not holds:
        raise CheckError(what)
