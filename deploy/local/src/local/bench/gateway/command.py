"""`local bench-gateway`: it measures, shows and judges itself."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from local.bench.gateway.contest import ROUND_S, ROUNDS, Result, hold_contest
from local.bench.gateway.load import LoadError
from local.bench.gateway.sheet import print_result
from local.bench.gateway.site import open_site
from local.child import ProcessError
from local.interrupt import Interrupted, interruptible
from local.view import open_view

RATIO_MIN: Final = 0.60
CREATORS: Final = 1000


def run_bench_gateway(
    root: Path, console: Console, *, creators: int = CREATORS, rounds: int = ROUNDS, seconds: float = ROUND_S
) -> int:
    """Measure, with the data below `root`/.local; 1 if a poll that brings nothing new costs more than promised."""
    (root / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=root / ".local"))
    try:
        with (
            interruptible(),
            open_view(console) as view,
            open_site(folder, creators, view.report) as site,
        ):
            result = hold_contest(site, view.report, rounds=rounds, seconds=seconds)
            view.report("stopping")
        return show(result, console)
    except Interrupted as interrupted:
        console.print("interrupted; everything is stopped")
        return interrupted.exit_code
    except (ProcessError, LoadError) as error:
        console.print(f"The gateway could not be measured. {error}", markup=False, highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(result: Result, console: Console) -> int:
    """The table and the verdict. Returns the exit code."""
    print_result(console, result)
    is_met = result.ratio >= RATIO_MIN
    console.print(
        f"A poll that brings nothing new is answered at {result.ratio:.2f} of the bare handler's rate "
        f"(median of the rounds; at least {RATIO_MIN:.2f} is promised).",
        style="green" if is_met else "red",
        highlight=False,
    )
    return 0 if is_met else 1
