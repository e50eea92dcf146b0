"""The console command `bench`."""

from pathlib import Path
from typing import Annotated

import typer

from bench.command import run_bench
from local.cli import project_root
from local.demo import make_console

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    only: Annotated[
        list[str] | None, typer.Option(help="A part's name; repeatable. Default: all, and the page.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="The project's root. Default: where the Makefile is.")] = None,
) -> None:
    """Measure the system's parts beside floors and peers, show one table, write docs/benchmarks.md."""
    raise typer.Exit(run_bench(folder or project_root(), make_console(), tuple(only or ())))


def main() -> None:
    app()
