"""The console command `ship`: what proves images, compose file and manifests."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Prove images, compose file and manifests.")


@app.callback()
def _root() -> None:
    """Prove images, compose file and manifests."""


@app.command("images-check")
def images_check(
    only: Annotated[
        list[str] | None, typer.Option(help="images, job, walls, kill, throughput or roll; may be repeated.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="A running engine: unix:///var/run/docker.sock")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the system up until Ctrl-C.")] = False,
    pull: Annotated[bool, typer.Option("--pull", help="Pull images of others that are not there.")] = False,
) -> None:
    """Build the images, run the compose file, try the system, leave nothing behind."""
    command = importlib.import_module("ship.images.command")
    if unknown := set(only or ()) - set(command.NAMES):
        raise typer.BadParameter(f"there is no {sorted(unknown)}", param_hint="--only")
    root = Path(__file__).parents[4]
    raise typer.Exit(command.run_images_check(root, only=only or (), engine=engine, keep=keep, pull=pull))


def main() -> None:
    app()
