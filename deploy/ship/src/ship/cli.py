"""The console command `ship`: what proves images, compose file and manifests."""

import typer

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


def main() -> None:
    app()
