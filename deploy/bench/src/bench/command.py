"""`bench`: runs the parts, shows one table, writes it to docs/benchmarks.md when all of them ran."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import machine, page
from bench.part import PARTS, Part
from bench.row import Bench, BenchError, Finding, Row
from bench.table import markdown, print_rows
from local.child import ProcessError
from local.client import GatewayError
from local.interrupt import Interrupted, interruptible
from local.view import View, open_view


def run_bench(root: Path, console: Console, only: Sequence[str] = ()) -> int:
    """Run these parts, or all, each with its data below `root`/.local. Returns the exit code: a goal that is missed
    is shown, and no reason to fail; what could not be measured is."""
    unknown = set(only) - {part.name for part in PARTS}
    if unknown:
        names = ", ".join(part.name for part in PARTS)
        console.print(f"no such part: {', '.join(sorted(unknown))}. There are: {names}", markup=False)
        return 2
    parts = [part for part in PARTS if not only or part.name in only]
    described = machine.describe(datetime.now(UTC))
    began = time.monotonic()
    try:
        with interruptible(), open_view(console) as view:
            findings = _run_all(parts, root, view)
    except Interrupted as interrupted:
        console.print("interrupted; everything is stopped")
        return interrupted.exit_code
    except ProcessError as error:
        console.print(f"It could not be measured. {error}", markup=False, highlight=False)
        return 1
    print_rows(console, [row for _, finding in findings for row in finding.rows])
    for part, finding in findings:
        if finding.detail:
            console.print(f"\n{part.title}\n{finding.detail}", markup=False, highlight=False)
    console.print(f"{len(parts)} parts in {time.monotonic() - began:.0f} s", highlight=False)
    if not only:
        page.write(root, _page(described, findings))
        console.print(f"written to {page.PATH}", highlight=False)
    return int(any(row.is_failed for _, finding in findings for row in finding.rows))


def _run_all(parts: Sequence[Part], root: Path, view: View) -> list[tuple[Part, Finding]]:
    (root / ".local").mkdir(exist_ok=True)
    with ExitStack() as stack:
        benches: dict[str, Bench] = {}
        for part in parts:
            folder = Path(tempfile.mkdtemp(prefix=f"bench-{part.name}-", dir=root / ".local"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            benches[part.name] = Bench(folder, root, _reporter(part, view))
        opened = {part.name: stack.enter_context(part.opened(benches[part.name])) for part in parts if part.is_opened}
        return [(part, _run(part, benches[part.name], opened)) for part in parts]


def _reporter(part: Part, view: View) -> Callable[[str], None]:
    return lambda phase: view.report(f"{part.name}: {phase}")


def _run(part: Part, bench: Bench, opened: Mapping[str, object]) -> Finding:
    began = time.monotonic()
    bench.report(part.title)
    try:
        finding = part.run(bench, opened[part.name]) if part.is_opened else part.run(bench)
    except (ProcessError, GatewayError, BenchError) as error:  # the other parts are measured all the same
        row = Row(what=part.title, ours="could not be measured", note=str(error), is_failed=True)
        finding = Finding(rows=(row,))
    bench.report(f"done in {time.monotonic() - began:.0f} s")
    return finding


def _page(described: str, findings: Sequence[tuple[Part, Finding]]) -> str:
    rows = [row for _, finding in findings for row in finding.rows]
    details = [f"### {part.title}\n\n{finding.detail}" for part, finding in findings if finding.detail]
    return "\n\n".join((described, markdown(rows), *details))
