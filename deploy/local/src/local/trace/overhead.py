"""`make bench-trace`: what tracing costs the services, as a ratio of the same jobs with and without it, in turn."""

import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from local.child import ProcessError
from local.client import FINAL, Gateway, GatewayError
from local.interrupt import Interrupted, interruptible
from local.process import watched
from local.stack import Options, Stack
from local.trace.collector import Collector
from local.usage import cpu_s

SERVICES = ("gateway", "webhook", "tiktok")
TURNS = 4
KEYWORDS = ("vegan", "ramen", "hiking", "chess")
TARGET = 400
_JOB_S = 180.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Turn:
    """One job: CPU of the services, and how long it took."""

    pages: int
    cpu_s: dict[str, float]
    start_s: dict[str, float]
    seconds: float

    def ms_per_page(self, name: str) -> float:
        return self.cpu_s[name] * 1000 / self.pages


def run_overhead(root: Path, console: Console) -> int:
    """Run it, with its data below `root`/.local. Returns the exit code; it judges nothing."""
    (root / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-trace-", dir=root / ".local"))
    try:
        with interruptible(), Collector() as collector:
            options = Options(folder, latency="none", environment=collector.environment)
            with Stack.start(options) as stack, watched(stack.supervisor):
                turns = _alternate(stack, console)
            _print(turns, len(collector.spans), console)
    except Interrupted as interrupted:
        return interrupted.exit_code
    except (ProcessError, GatewayError) as error:
        console.print(str(error), markup=False, highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _alternate(stack: Stack, console: Console) -> dict[str, list[Turn]]:
    """Off, on, off, on: whatever else the machine does is shared out."""
    turns: dict[str, list[Turn]] = {"off": [], "on": []}
    gateway = Gateway(stack.gateway_url, stack.mint_token)
    campaign_id = gateway.create_campaign("Bench")
    for number in range(TURNS * 2):
        name = ("off", "on")[number % 2]
        start_s = {one: _restart(stack, one, is_off=name == "off") for one in SERVICES}
        turns[name].append(_turn(stack, gateway, campaign_id, start_s, number))
        console.print(f"{number + 1} of {TURNS * 2}: tracing {name}, {turns[name][-1].seconds:.1f} s", highlight=False)
    return turns


def _restart(stack: Stack, name: str, *, is_off: bool) -> float:
    """The CPU that it took until it was ready."""
    stack.supervisor.restart(name, environment={"OTEL_SDK_DISABLED": str(is_off).lower()})
    return _cpu_s(stack, name)


def _turn(stack: Stack, gateway: Gateway, campaign_id: str, start_s: dict[str, float], number: int) -> Turn:
    """Each turn searches for what no other did: nothing is in the cache of profiles."""
    before, began = {name: _cpu_s(stack, name) for name in SERVICES}, time.monotonic()
    job_id = gateway.create_job(campaign_id, [f"{keyword} {number}" for keyword in KEYWORDS], TARGET)
    while (job := gateway.read_job(job_id)).status not in FINAL and time.monotonic() - began < _JOB_S:
        stack.check()
        time.sleep(_POLL_S)
    cpu_s = {name: _cpu_s(stack, name) - before[name] for name in SERVICES}
    return Turn(pages=max(job.pages, 1), cpu_s=cpu_s, start_s=start_s, seconds=time.monotonic() - began)


def _cpu_s(stack: Stack, name: str) -> float:
    """User and system time of a service, by the kernel."""
    return cpu_s(stack.supervisor.child(name).pid)


def _print(turns: dict[str, list[Turn]], spans: int, console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, title=f"CPU with and without tracing, medians of {TURNS} turns each")
    for column in ("service", "ms a page, off", "on", "ratio", "s to start, off", "on"):
        table.add_column(column, justify="left" if column == "service" else "right")
    for name in SERVICES:
        off, on = (statistics.median(turn.ms_per_page(name) for turn in turns[one]) for one in ("off", "on"))
        first, then = (statistics.median(turn.start_s[name] for turn in turns[one]) for one in ("off", "on"))
        table.add_row(name, f"{off:.1f}", f"{on:.1f}", f"{on / off:.2f}", f"{first:.2f}", f"{then:.2f}")
    console.print(table)
    seconds = [statistics.median(turn.seconds for turn in turns[one]) for one in ("off", "on")]
    pages = statistics.median(turn.pages for one in turns.values() for turn in one)
    line = f"a job of {pages:.0f} pages took {seconds[0]:.1f} s off, {seconds[1]:.1f} s on; {spans} spans in all"
    console.print(line, highlight=False)
