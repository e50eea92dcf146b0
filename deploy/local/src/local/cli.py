"""The console command `local`: the whole system on loopback, or one part of it."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import httpx
import typer
from rich.console import Console

from local.child import Child, ProcessError
from local.cost.command import run_cost
from local.demo import make_console, run_demo
from local.interrupt import Interrupted, interruptible
from local.issuer.client import mint
from local.keyring import Keyring
from local.nats import Nats
from local.postgres import Postgres
from local.secret import Safe, SecretError, read_given
from local.stack import USER, Options
from local.state import read_state
from local.up import run_down, run_up

# Imported only when asked for: each is a server with imports of its own.
STAND_INS = {
    "qstash": "The QStash stand-in alone, in the foreground.",
    "sandbox": "The ScrapeCreators sandbox alone, in the foreground.",
    "issuer": "The Clerk-like issuer of session tokens alone, in the foreground.",
}
_LOOK_S = 0.5

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
Folder = Annotated[Path | None, typer.Option(help="Data folder. Default: .local in the project.")]
Port = Annotated[int | None, typer.Option(help="TCP port on 127.0.0.1. Default: a free one.")]
Latency = Annotated[Literal["demo", "real"], typer.Option(help="How fast the sandbox answers.")]


@app.command()
def up(
    real: Annotated[bool, typer.Option("--real", help="Use the real upstream (SCRAPECREATORS_API_KEY).")] = False,
    latency: Latency = "demo",
    folder: Folder = None,
) -> None:
    """Start everything and keep it up; data is kept for the next time."""
    options = Options(_data_folder(folder), real=real, latency=latency, is_usual_ports=True)
    raise typer.Exit(run_up(options, make_console()))


@app.command()
def down(folder: Folder = None) -> None:
    """End a stack that was left running."""
    raise typer.Exit(run_down(_data_folder(folder), make_console()))


@app.command()
def demo(latency: Latency = "demo") -> None:
    """Run one TikTok job through every part, show the creators, write the CSV, stop."""
    raise typer.Exit(run_demo(project_root(), latency))


@app.command()
def cost() -> None:
    """Run jobs of every kind against the sandbox, show what each cost, judge what is promised of costs."""
    raise typer.Exit(run_cost(project_root(), make_console()))


@app.command()
def trace(latency: Latency = "demo") -> None:
    """Run one TikTok job with tracing on and show the traces of its request, of itself and of its first steps."""
    command = importlib.import_module("local.trace.command")
    raise typer.Exit(command.run_trace(project_root(), make_console(), latency))


@app.command("bench-gateway")
def bench_gateway() -> None:
    """Measure what requests cost the gateway, beside a bare handler of its framework; judge what is promised."""
    command = importlib.import_module("local.bench.gateway.command")
    raise typer.Exit(command.run_bench_gateway(project_root(), make_console()))


@app.command("bench-trace")
def bench_trace() -> None:
    """Measure what tracing costs the services: the same jobs with and without it, in turn."""
    command = importlib.import_module("local.trace.overhead")
    raise typer.Exit(command.run_overhead(project_root(), make_console()))


@app.command("bench-export")
def bench_export(
    creators: Annotated[int, typer.Option(help="How many creators to invent.", min=1)] = 200_000,
    jobs: Annotated[int, typer.Option(help="Over how many jobs of the campaign.", min=4)] = 20,
) -> None:
    """Take a large campaign out in every format: time, first byte, memory, and what others notice of it."""
    command = importlib.import_module("local.bench.export.command")
    raise typer.Exit(command.run_bench_export(project_root(), make_console(), creators=creators, jobs=jobs))


@app.command("bench-sse")
def bench_sse() -> None:
    """Measure how soon many who watch jobs are told of what happens, and what it costs the gateway."""
    command = importlib.import_module("local.bench.sse.command")
    raise typer.Exit(command.run_bench_sse(project_root(), make_console()))


@app.command("live-check")
def live_check(
    platform: Annotated[
        Literal["tiktok", "instagram", "youtube"] | None,
        typer.Option(help="This platform's endpoints only, all of them."),
    ] = None,
) -> None:
    """Ask the real upstream a dozen things (1 credit each) and report which shapes held."""
    command = importlib.import_module("local.live_check.command")
    raise typer.Exit(command.run_live_check(make_console(), platform))


@app.command()
def token(
    user: Annotated[str, typer.Option(help="The user's id.")] = USER,
    org: Annotated[str | None, typer.Option(help="The id of the user's organisation.")] = None,
    issuer: Annotated[
        str | None, typer.Option(envvar="ISSUER_URL", help="The issuer's URL. Default: the one of the running stack.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Print a session token, good for a minute."""
    try:
        print(mint(issuer or _running_issuer(folder), user, org))
    except httpx.HTTPError as error:
        _fail(f"the issuer gave no token: {error}")


@app.command("secrets")
def make_secrets(
    folder: Annotated[Path, typer.Argument(help="The folder with a folder for each container.")],
    given: Annotated[
        typer.FileText | None, typer.Option(help="NAME=value lines of secrets that others made; - for standard input.")
    ] = None,
    anew: Annotated[
        list[str] | None, typer.Option(help="Make this identity's seed, or this role's password, anew. Repeatable.")
    ] = None,
    try_out: Annotated[
        bool, typer.Option("--try-out", help="Invent what others would give, for the stand-ins.")
    ] = False,
) -> None:
    """Make what is secret of each container of deploy/compose.yaml; safe to repeat."""
    safe = Safe(folder)
    try:
        safe.forget(anew or ())
        safe.fill(read_given(given.read()) if given else {}, is_try_out=try_out)
    except SecretError as error:
        _fail(f"secrets: {error}")
    lacking = ", ".join(safe.lacking()) or "nothing"
    print(f"secrets are in place; to be given, here or by the environment: {lacking}")


@app.command()
def postgres(port: Port = None, folder: Folder = None) -> None:
    """Postgres alone, in the foreground; data is kept."""
    _stay(lambda: Postgres.start(_data_folder(folder) / "postgres-alone", port))


@app.command()
def nats(port: Port = None, folder: Folder = None) -> None:
    """nats-server alone, with the identities' seeds and the CA in its folder, in the foreground; data is kept."""
    own = _data_folder(folder) / "nats-alone"
    _stay(lambda: Nats.start(own, port, keyring=Keyring.open(own / "identities")))


def main() -> None:
    for name, about in STAND_INS.items():
        if sys.argv[1:2] == [name]:
            app.command(name)(importlib.import_module(f"local.{name}.main").serve)
        else:
            app.command(name, help=about)(_listed_only)
    app()


def project_root() -> Path:
    """The folder with the Makefile, above this file or above where we are."""
    here = Path.cwd()
    for folder in (*Path(__file__).parents, here, *here.parents):
        if (folder / "Makefile").exists() and (folder / "deploy" / "local").exists():
            return folder
    return here


def _running_issuer(folder: Path | None) -> str:
    state = read_state(_data_folder(folder))
    if state is None or not state.is_alive or "issuer" not in state.urls:
        _fail("no stack runs; start one with `local up`")
    return state.urls["issuer"]


def _data_folder(folder: Path | None) -> Path:
    return (folder or project_root() / ".local").resolve()


def _stay(start: Callable[[], Postgres | Nats]) -> None:
    """Run one server until we are told to stop or it dies."""
    try:
        with interruptible(), start() as server:
            print(server.url, flush=True)
            _await_death(server.child)
    except Interrupted:
        raise typer.Exit(0) from None
    except ProcessError as error:
        _fail(str(error))


def _await_death(child: Child) -> None:
    while not child.await_exit(_LOOK_S):
        pass
    raise child.failure(f"ended with exit code {child.exit_code}")


def _listed_only() -> None:
    """Stands in the list of commands; the real one takes its place when it is asked for."""


def _fail(reason: str) -> NoReturn:
    Console(stderr=True).print(reason, markup=False, highlight=False)
    raise typer.Exit(1)
