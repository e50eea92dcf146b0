"""The console command `ship`: what proves images, compose file and manifests."""

import typer

from ship.manifest.command import deploy_check

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Prove images, compose file and manifests.")
app.command("deploy-check")(deploy_check)


@app.callback()
def _root() -> None:
    """Prove images, compose file and manifests."""


def main() -> None:
    app()
