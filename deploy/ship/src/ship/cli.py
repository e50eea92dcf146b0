"""The console command `ship`: what proves images, compose file, manifests and migrations."""

from pathlib import Path
from typing import Annotated

import typer

from ship.images.command import NAMES, run_images_check
from ship.manifest.command import deploy_check
from ship.migration import find_faults

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Prove images, compose file and manifests.")
app.command("deploy-check")(deploy_check)


@app.callback()
def _root() -> None:
    """Prove images, compose file and manifests."""


@app.command()
def migrations() -> None:
    """Whether every revision may run while an old and a new version serve."""
    faults = find_faults()
    for fault in faults:
        typer.echo(fault)
    typer.echo("migrations: fine" if not faults else f"migrations: {len(faults)} faults")
    raise typer.Exit(bool(faults))


@app.command("images-check")
def images_check(
    only: Annotated[
        list[str] | None, typer.Option(help="images, job, walls, start, kill, throughput or roll; may be repeated.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="A running engine: unix:///var/run/docker.sock")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the system up until Ctrl-C.")] = False,
    pull: Annotated[bool, typer.Option("--pull", help="Pull images of others that are not there.")] = False,
) -> None:
    """Build the images, run the compose file, try the system, leave nothing behind."""
    if unknown := set(only or ()) - set(NAMES):
        raise typer.BadParameter(f"there is no {sorted(unknown)}", param_hint="--only")
    root = Path(__file__).parents[4]
    raise typer.Exit(run_images_check(root, only=only or (), engine=engine, keep=keep, pull=pull))


def main() -> None:
    app()
