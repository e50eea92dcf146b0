"""`local bench-sse`: it measures, shows and judges itself."""

import shutil
import tempfile
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from local.bench.sse.measure import Finding, measure
from local.bench.sse.order import Order
from local.child import ProcessError
from local.interrupt import Interrupted, interruptible
from local.stack import Options, Stack, services_named
from local.view import open_view

LAG_P99_MS_MAX = 100.0
GATEWAY = services_named("gateway")


def run_bench_sse(root: Path, console: Console, order: Order | None = None) -> int:
    """Measure, with the data below `root`/.local; 1 if a watcher missed an event or was told too late."""
    (root / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root / ".local"))
    try:
        with interruptible(), open_view(console) as view:
            with Stack.start(Options(folder, services=GATEWAY), view.report) as stack:
                finding = measure(stack, order or Order(), view.report)
            view.report("stopping")
        return show(finding, console)
    except Interrupted as interrupted:
        console.print("interrupted; everything is stopped")
        return interrupted.exit_code
    except ProcessError as error:
        console.print(f"The streams could not be measured. {error}", markup=False, highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(finding: Finding, console: Console) -> int:
    """The table and the verdict. Returns the exit code."""
    order = finding.order
    table = Table(
        title=f"{order.watchers} watchers of {order.jobs} jobs at one gateway",
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("what")
    table.add_column("", justify="right")
    rows = {
        "pages committed": f"{finding.commits:,} in {finding.seconds:.1f} s",
        "events told": f"{finding.events:,}, {finding.events / finding.seconds:,.0f}/s",
        "from commit to client, p50": f"{finding.lag_ms(0.5):.1f} ms",
        "from commit to client, p99": f"{finding.lag_ms(0.99):.1f} ms",
        "from commit to client, most": f"{finding.lag_ms(1):.1f} ms",
        "memory of a watcher": f"{finding.kb_per_watcher:.1f} KiB",
        "memory before, watched, after": " ".join(
            f"{size / 2**20:.0f}" for size in (finding.bytes_before, finding.bytes_watched, finding.bytes_after)
        )
        + " MiB",
        "CPU of the gateway": f"{finding.cpu_seconds:.1f} s, {100 * finding.cpu_seconds / finding.seconds:.0f} %",
        "CPU of an event told": f"{1e6 * finding.cpu_seconds / max(1, finding.events):.0f} µs",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    if finding.faulty:
        console.print(f"{finding.faulty} watchers did not see every event once and in order.", style="red")
        return 1
    console.print("Every watcher saw every event once and in order.", style="green")
    if finding.lag_ms(0.99) > LAG_P99_MS_MAX:
        console.print(f"Of 100 events one came later than {LAG_P99_MS_MAX:.0f} ms after its commit.", style="red")
        return 1
    return 0
