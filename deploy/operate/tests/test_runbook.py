"""The commands that the runbook gives the person on call are there, with these arguments."""

import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from operate.main import app

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
COMMAND = re.compile(r"^ *(operate [^#\n]*)|`(operate [^`]*)`", re.MULTILINE)
PLACEHOLDERS = {
    "<job>": "01a22384-23fb-703e-a5a9-979e7a508fa7",
    "<letter>": "01a22384-23fb-703e-a5a9-979e7a508fa7",
    "<name>": "api.max_api_calls",
    "<reference>": "0123456789ab",
    "<platform>": "tiktok",
    "<handle>": "mira.ovens",
}
LINES = sorted({(a or b).strip() for a, b in COMMAND.findall(RUNBOOK.read_text(encoding="utf-8"))})


def test_the_runbook_has_commands() -> None:
    assert len(LINES) > 30


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_runbook_is_understood(line: str) -> None:
    """Up to where it would begin to work."""
    for placeholder, value in PLACEHOLDERS.items():
        line = line.replace(placeholder, value)
    command: click.Command = typer.main.get_command(app)
    name, *rest = shlex.split(line)
    parent: click.Context | None = None
    while True:
        parent = command.make_context(name, list(rest), parent=parent)
        if not isinstance(command, click.Group) or not (left := [*parent._protected_args, *parent.args]):
            return
        found = command.get_command(parent, left[0])
        assert found is not None, f"there is no {left[0]}"
        command, name, rest = found, left[0], left[1:]
