"""`operate nkey`: the seed of an identity at NATS, and the public nkey for its server. It needs no database."""

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from common.errors import ConfigurationError
from common.messaging.nkey import UserNkey, make_seed, read_nkey
from operate.desk import CANNOT_WORK, REFUSED
from operate.terminal import complain, say

app = typer.Typer(help="Identities at NATS: make a seed, show its public nkey.", no_args_is_help=True)
Seed = Annotated[Path, typer.Argument(metavar="FILE", help="The file that holds the seed.")]


@app.command()
def new(file: Seed) -> None:
    """Make a seed that only you can read, and print its public nkey. What is there already is kept."""
    seed = make_seed(secrets.token_bytes(32))
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(f"{seed}\n")
    except FileExistsError:
        complain(f"{file}: is there already")
        raise typer.Exit(REFUSED) from None
    except OSError as error:
        complain(f"{file}: cannot be written ({type(error).__name__})")
        raise typer.Exit(CANNOT_WORK) from None
    say(UserNkey(seed).public)


@app.command()
def public(file: Seed) -> None:
    """Print the public nkey of a seed."""
    try:
        say(read_nkey(str(file)).public)
    except ConfigurationError as error:
        complain(f"{file}: {str(error).partition(': ')[2]}")
        raise typer.Exit(CANNOT_WORK) from None
