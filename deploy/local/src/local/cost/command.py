"""`local cost`: what jobs cost, from runs through the whole stack against the sandbox. It judges itself."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from local.child import ProcessError
from local.client import GatewayError
from local.cost.bill import Bill, Unavailable
from local.cost.run import RUNS, Run
from local.cost.sheet import NOT_AVAILABLE, print_bills
from local.cost.till import CostError, Till
from local.cost.verdict import judge
from local.interrupt import Interrupted, interruptible
from local.process import watched
from local.stack import Options, Stack
from local.view import open_view


def run_cost(root: Path, console: Console, runs: Sequence[Run] = RUNS) -> int:
    """Run them, with their data below `root`/.local; 1 if a promise is broken or a run not available."""
    (root / ".local").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="cost-", dir=root / ".local"))
    try:
        with interruptible():
            return show(_perform(Options(folder), console, runs), console)
    except Interrupted as interrupted:
        console.print("interrupted; everything is stopped")
        return interrupted.exit_code
    except (ProcessError, GatewayError, CostError) as error:
        console.print(f"The costs could not be measured. {error}", markup=False, highlight=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(bills: Sequence[Bill | Unavailable], console: Console) -> int:
    """The table, then a line for everything that is not as it shall be. Returns the exit code."""
    print_bills(console, bills)
    broken = judge(bills)
    for one in broken:
        console.print(one.line, style="red", markup=False, highlight=False)
    lacking = [bill.run.name for bill in bills if isinstance(bill, Unavailable)]
    if lacking:
        console.print(f"{NOT_AVAILABLE}: {', '.join(lacking)}", style="yellow", markup=False, highlight=False)
    if not broken:
        console.print("Every promise held in every run that was made.", style="green")
    return 1 if broken or lacking else 0


def _perform(options: Options, console: Console, runs: Sequence[Run]) -> list[Bill | Unavailable]:
    with open_view(console) as view, Stack.start(options, view.report) as stack:
        with watched(stack.supervisor):
            bills = Till(stack, view.show).run(runs)
        view.report("stopping")
    return bills
