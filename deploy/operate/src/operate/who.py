"""Who operates: what is done with a letter carries a name."""

import getpass
from typing import Annotated

import typer

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it. Default: your name on this system.")]
_NAME_MAX = 100


def read_name(given: str | None) -> str:
    """The name to write down. Raises typer.BadParameter if there is none that people could read."""
    name = (_own_name() if given is None else given).strip()
    if not name or len(name) > _NAME_MAX or not name.isprintable():
        raise typer.BadParameter("say who you are, in at most 100 characters", param_hint="--by")
    return name


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return ""
