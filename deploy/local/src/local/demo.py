"""`make demo`: one TikTok keyword job through every real part, on loopback, with nothing set up and no account.

It judges itself: exactly as many distinct creators as asked for, or it fails and says why.
"""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from local.child import ProcessError
from local.client import FINAL, Creator, Gateway, GatewayError, Snapshot
from local.interrupt import Interrupted, interruptible
from local.process import watched
from local.sheet import creators_table, write_csv
from local.stack import COMMANDS, Options, Stack
from local.view import View, open_view

KEYWORD = "vegan"
TARGET = 100
SHOWN_MAX = 10
_POLL_S = 0.5
_JOB_S = 180.0
_WIDTH_WITHOUT_TERMINAL = 160


class DemoError(Exception):
    """The demo did not show what it promises."""


@dataclass(frozen=True, slots=True)
class Outcome:
    job_id: str
    job: Snapshot
    error: str | None
    creators: list[Creator]
    seconds: float


def run_demo(root: Path, latency: str = "demo", bin_folder: Path = COMMANDS) -> int:
    """Run it, with its data below `root`/.local and the CSV below `root`/out. Returns the exit code."""
    console = make_console()
    (root / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=root / ".local"))
    options = Options(folder, latency=latency, bin_folder=bin_folder)
    try:
        with interruptible():
            outcome = _perform(options, console)
            path = root / "out" / f"demo-{outcome.job_id}.csv"
            write_csv(path, outcome.creators)
            _print_outcome(console, outcome, path.relative_to(root))
            _judge(outcome)
    except Interrupted as interrupted:
        console.print("interrupted; everything is stopped")
        return interrupted.exit_code
    except (ProcessError, GatewayError, DemoError) as error:
        kept = _keep_logs(folder, root / ".local" / "demo-failed")
        console.print(f"The demo failed. {error}\nAll logs: {kept.relative_to(root)}", markup=False, highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def make_console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def _perform(options: Options, console: Console) -> Outcome:
    with open_view(console) as view, Stack.start(options, view.report) as stack:
        with watched(stack.supervisor):
            outcome = _run_job(stack, view)
        view.report("stopping")
    return outcome


def _run_job(stack: Stack, view: View) -> Outcome:
    gateway = Gateway(stack.gateway_url, stack.mint_token)
    campaign_id = gateway.create_campaign("Vegan demo")
    began = time.monotonic()
    job_id = gateway.create_job(campaign_id, [KEYWORD], TARGET)
    while time.monotonic() - began < _JOB_S:
        stack.check()
        status, error, creators = gateway.poll(job_id)
        job = gateway.read_job(job_id)
        view.show(_phase(job), job)
        if status in FINAL:
            return Outcome(job_id, job, error, creators, time.monotonic() - began)
        time.sleep(_POLL_S)
    raise DemoError(f"the job did not end within {_JOB_S:.0f} s")


def _phase(job: Snapshot) -> str:
    if job.waiting_on is not None:
        return f"waiting ({job.waiting_on})"
    return f"searching TikTok for {KEYWORD}" if job.status not in FINAL else f"job {job.status}"


def _print_outcome(console: Console, outcome: Outcome, path: Path) -> None:
    creators, job = outcome.creators, outcome.job
    console.print(creators_table(creators[:SHOWN_MAX], f"The first {SHOWN_MAX} of {len(creators)} creators"))
    with_email = sum(1 for creator in creators if creator.emails)
    distinct = len({creator.handle for creator in creators})
    console.print(f"CSV: {path}", markup=False, highlight=False)
    console.print(
        f"{len(creators)} creators, {distinct} distinct, {with_email} with e-mail, {job.pages} pages bought, "
        f"{job.profiles} profiles bought, {job.credits} credits, {outcome.seconds:.1f} s",
        highlight=False,
    )


def _judge(outcome: Outcome) -> None:
    if outcome.job.status != "completed":
        reason = outcome.error or outcome.job.stop_reason or "no reason given"
        raise DemoError(f"the job ended as {outcome.job.status}: {reason}")
    distinct = len({creator.handle for creator in outcome.creators})
    if len(outcome.creators) != TARGET or distinct != TARGET:
        raise DemoError(f"{TARGET} distinct creators were due, {len(outcome.creators)} came, {distinct} distinct")


def _keep_logs(folder: Path, kept: Path) -> Path:
    """The logs of the last demo that failed are worth more than its data."""
    shutil.rmtree(kept, ignore_errors=True)
    if (folder / "log").exists():
        shutil.move(folder / "log", kept)
    return kept
