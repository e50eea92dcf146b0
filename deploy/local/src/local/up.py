"""`local up`: the stack kept up for people, with all that they need to talk to it; `local down` ends it."""

import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.child import ProcessError
from local.client import Gateway, GatewayError
from local.interrupt import Interrupted, interruptible
from local.process import watched
from local.stack import COMMANDS, USER, Options, Stack
from local.state import Process, State, read_state, remove_state

_LOOK_S = 0.25


def run_up(options: Options, console: Console) -> int:
    """Start everything, say how to use it, stay until told to stop (0) or until a part dies (1)."""
    if (running := read_state(options.folder)) is not None and running.is_alive:
        console.print(f"The stack runs already (pid {running.supervisor.pid}); `local down` stops it.", highlight=False)
        return 1
    State(Process.this()).write(options.folder)
    try:
        with interruptible():
            _stay(options, console)
    except Interrupted:
        console.print("stopped")
        return 0
    except (ProcessError, GatewayError) as error:
        console.print(f"{error}\nAll logs: {options.folder / 'log'}", markup=False, highlight=False)
        return 1
    finally:
        remove_state(options.folder)
    return 0


def run_down(folder: Path, console: Console) -> int:
    """End what `local up` left running from this folder, and only that."""
    state = read_state(folder)
    if state is None or not any(process.is_alive for process in (state.supervisor, *state.parts)):
        console.print("nothing runs")
    else:
        state.end()
        console.print("stopped")
    remove_state(folder)
    return 0


def _stay(options: Options, console: Console) -> None:
    def report(phase: str) -> None:
        console.print(phase, highlight=False)

    with Stack.start(options, report) as stack:
        parts = tuple(Process.of(child) for child in stack.supervisor.children)
        State(Process.this(), parts, stack.urls).write(options.folder)
        with watched(stack.supervisor):
            _print_guide(stack, options.folder, console)
        while True:
            stack.check()
            time.sleep(_LOOK_S)


def _campaign(stack: Stack, folder: Path) -> str:
    """A campaign to create jobs in: made once per data folder."""
    kept = folder / "campaign"
    if not kept.exists():
        kept.write_text(Gateway(stack.gateway_url, stack.mint_token).create_campaign("First campaign"))
    return kept.read_text()


def _print_guide(stack: Stack, folder: Path, console: Console) -> None:
    campaign_id = _campaign(stack, folder)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("part")
    table.add_column("URL", overflow="fold")
    for name, url in stack.urls.items():
        table.add_row(Text(name), Text(url))
    console.print(table)
    for line in guide(stack, folder, campaign_id):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def guide(stack: Stack, folder: Path, campaign_id: str) -> list[str]:
    """What to paste into a shell."""
    command = f"{COMMANDS / 'local'} token --folder {folder}"
    token = f'"Authorization: Bearer $({command})"'
    body = f'{{"keywords":["vegan"],"targetResults":100,"campaignId":"{campaign_id}"}}'
    job_id = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"jobId\"])'"
    return [
        f"A token of {USER}, good for a minute (a new one: {command} --user {USER}):",
        stack.mint_token(),
        "",
        "Create a TikTok job:",
        f"JOB=$(curl -sS {stack.gateway_url}/api/scraping/tiktok -H {token} -H 'Content-Type: application/json' "
        f"-d '{body}' | {job_id}); echo $JOB",
        "",
        "Poll it:",
        f'curl -sS "{stack.gateway_url}/api/scraping/tiktok?jobId=$JOB" -H {token}',
        "",
        "Ctrl-C stops everything.",
    ]
