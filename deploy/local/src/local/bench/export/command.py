"""`local bench-export`: what it costs to take a large campaign out of the running gateway."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import httpx
from rich import box
from rich.console import Console
from rich.table import Table

from local.bench.export.crowd import Crowd, make_crowd
from local.bench.export.watch import Watch
from local.child import ProcessError
from local.interrupt import Interrupted, interruptible
from local.loopback import PLAIN_HTTP
from local.process import watched
from local.stack import USER, Options, Stack
from local.view import open_view

_TIMEOUT_S = 1800.0
_REST_S = 5.0
_MEGABYTE = 1e6
_PART_BYTES = 1 << 20
_HEADINGS = (
    "rows",
    "MB",
    "seconds",
    "gateway\nCPU s",
    "first byte\nms",
    "peak RSS\nMB",
    "growth\nMB",
    "longest\npause ms",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One file that was taken out."""

    name: str
    rows: int
    bytes: int
    seconds: float
    cpu_s: float
    first_byte_s: float
    rss_peak: int
    rss_growth: int
    pause_max_s: float


def run_bench_export(root: Path, console: Console, *, creators: int, jobs: int) -> int:
    """Measure, with the data below `root`/.local; 1 if something could not be had."""
    (root / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root / ".local"))
    try:
        with interruptible():
            crowd, measured = _perform(Options(folder), console, creators, jobs)
            _print(console, crowd, measured, jobs)
            return 0
    except Interrupted as interrupted:
        console.print("interrupted; everything is stopped")
        return interrupted.exit_code
    except (ProcessError, httpx.HTTPError) as error:
        console.print(f"Exports could not be measured. {error}", markup=False, highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def take_out(stack: Stack, path: str, target: Path) -> Measured:
    """Take one file out and weigh it. Raises httpx.HTTPError if it does not come whole."""
    gateway = stack.supervisor.child("gateway")
    headers = {"Authorization": f"Bearer {stack.mint_token()}"}
    url = f"{stack.gateway_url}/api/v1/{path}"
    with Watch(gateway.pid, stack.gateway_url) as watch, target.open("wb") as file:
        began = time.perf_counter()
        first_byte_s = None
        with httpx.stream("GET", url, headers=headers, timeout=_TIMEOUT_S, **PLAIN_HTTP) as answer:
            answer.raise_for_status()
            for part in answer.iter_raw():
                first_byte_s = first_byte_s or time.perf_counter() - began
                file.write(part)
        seconds = time.perf_counter() - began
    return Measured(
        name=path.partition("/")[0] + " " + path.rpartition("/")[2],
        rows=count_rows(target),
        bytes=target.stat().st_size,
        seconds=seconds,
        cpu_s=watch.cpu_s,
        first_byte_s=first_byte_s or seconds,
        rss_peak=watch.rss_peak,
        rss_growth=watch.rss_peak - watch.rss_before,
        pause_max_s=watch.pause_max_s,
    )


def rest(stack: Stack) -> Measured:
    """The same while nothing is taken out: what of a pause is the machine's."""
    gateway = stack.supervisor.child("gateway")
    with Watch(gateway.pid, stack.gateway_url) as watch:
        time.sleep(_REST_S)
    return Measured(
        name="nothing",
        rows=0,
        bytes=0,
        seconds=_REST_S,
        cpu_s=watch.cpu_s,
        first_byte_s=0,
        rss_peak=watch.rss_peak,
        rss_growth=watch.rss_peak - watch.rss_before,
        pause_max_s=watch.pause_max_s,
    )


def count_rows(path: Path) -> int:
    """How many creators or addresses the file has."""
    match path.suffix:
        case ".jsonl":
            return sum(part.count(b"\n") for part in _parts(path))
        case ".csv":
            return sum(1 for line in path.open("rb") if line.endswith(b"\r\n")) - 1
        case _:
            with ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
                return sum(archive.read(name).count(b"<row ") - 1 for name in names)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            yield part


def _perform(options: Options, console: Console, creators: int, jobs: int) -> tuple[Crowd, list[Measured]]:
    with open_view(console) as view, Stack.start(options, view.report) as stack:
        assert stack.postgres is not None
        with watched(stack.supervisor):
            view.report(f"inventing {creators:,} creators")
            crowd = make_crowd(stack.postgres.url, owner=f"user:{USER}", creators=creators, jobs=jobs)
            campaign, job = f"campaigns/{crowd.campaign_id}", f"jobs/{crowd.job_id}"
            paths = [f"{campaign}/export.{form}" for form in ("csv", "xlsx", "jsonl")]
            paths += [f"{campaign}/export.csv?preset=outreach", f"{job}/export.csv"]
            measured = [rest(stack)]
            for path in paths:
                view.report(f"taking out {path.rpartition('/')[2]}")
                form = path.rpartition("export.")[2].partition("?")[0]
                one = take_out(stack, path, options.folder / f"taken.{form}")
                view.report(
                    f"{one.rows:,} rows in {one.seconds:.0f} s, {one.rss_growth / _MEGABYTE:.1f} MB more memory"
                )
                measured.append(one)
        view.report("stopping")
    return crowd, measured


def _print(console: Console, crowd: Crowd, measured: Sequence[Measured], jobs: int) -> None:
    title = f"{crowd.creators:,} creators over {jobs} jobs, documents of {crowd.document_bytes:,} bytes"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("export", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for one in measured:
        table.add_row(
            one.name,
            f"{one.rows:,}",
            f"{one.bytes / _MEGABYTE:,.1f}",
            f"{one.seconds:.1f}",
            f"{one.cpu_s:.1f}",
            f"{one.first_byte_s * 1000:.0f}",
            f"{one.rss_peak / _MEGABYTE:.0f}",
            f"{one.rss_growth / _MEGABYTE:.1f}",
            f"{one.pause_max_s * 1000:.0f}",
        )
    console.print(table)
