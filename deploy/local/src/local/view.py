"""The demo's progress: one live bar on a terminal, a few lines anywhere else."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from local.client import Snapshot


class View(Protocol):
    """Hears what happens. As a context manager it owns the screen."""

    def report(self, phase: str) -> None: ...

    def show(self, phase: str, job: Snapshot) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


def open_view(console: Console) -> View:
    return BarView(console) if console.is_terminal else LineView(console)


class BarView:
    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task("", total=None, counts="")

    def report(self, phase: str) -> None:
        self._progress.update(self._task, description=phase)

    def show(self, phase: str, job: Snapshot) -> None:
        self._progress.update(
            self._task, description=phase, total=job.target, completed=job.delivered, counts=counts(job)
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()


class LineView:
    """A line when the phase changes and at every quarter of the way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[str, int] = ("", 0)

    def report(self, phase: str) -> None:
        self._console.print(phase, markup=False, highlight=False)

    def show(self, phase: str, job: Snapshot) -> None:
        quarter = 4 * job.delivered // max(job.target, 1)
        if (phase, quarter) != self._last:
            self._last = (phase, quarter)
            self.report(f"{phase}: {counts(job)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass


def counts(job: Snapshot) -> str:
    return f"{job.delivered}/{job.target} creators, {job.calls} paid calls, {job.credits} credits"
