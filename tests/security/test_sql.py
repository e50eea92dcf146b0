"""SQL is a literal, and the tools that say so do say so: they are shown what they must not let pass."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.security

ROOT = Path(__file__).parents[2]
COMMANDS = Path(sys.executable).parent

HEAD = """from psycopg import AsyncConnection
from psycopg.rows import TupleRow

Connection = AsyncConnection[TupleRow]


async def ask(connection: Connection, given: str) -> None:
"""
LITERAL = '    await connection.execute("select 1 from jobs where owner = %(owner)s", {"owner": given})\n'
BUILT = {
    "formatted": "    await connection.execute(f\"select 1 from jobs where owner = '{given}'\")\n",
    "added": '    await connection.execute("select 1 from jobs where owner = \'" + given + "\'")\n',
    "filled in": "    await connection.execute(\"select 1 from jobs where owner = '%s'\" % given)\n",
    "given": "    await connection.execute(given)\n",
    "joined": "    await connection.execute(' and '.join(['select 1 from jobs where true', given]))\n",
}
SEEN_BY_RUFF = {"formatted", "added", "filled in"}


def faults(folder: Path, body: str) -> list[dict[str, Any]]:
    """What basedpyright says of it under the settings of the workspace."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]
    (folder / "asking.py").write_text(HEAD + body)
    own = {"include": ["asking.py"], "exclude": [], "venvPath": str(ROOT)}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings | own))
    command = [COMMANDS / "basedpyright", "--level", "error", "--outputjson", "-p", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["generalDiagnostics"]


def test_a_literal_passes(tmp_path: Path) -> None:
    assert faults(tmp_path, LITERAL) == []


@pytest.mark.parametrize("how", BUILT)
def test_a_statement_that_was_built_is_a_fault_of_types(tmp_path: Path, how: str) -> None:
    """Under a weak preset, or without the types of psycopg, nothing would be said."""
    found = faults(tmp_path, BUILT[how])
    assert found
    assert all("rule" in fault and fault["severity"] == "error" for fault in found)
    assert any("LiteralString" in fault["message"] or "execute" in fault["message"] for fault in found), found


@pytest.mark.parametrize("how", sorted(SEEN_BY_RUFF))
def test_a_statement_that_was_built_is_a_fault_of_style(how: str) -> None:
    """S608 is on where the SQL is."""
    command = [
        COMMANDS / "ruff",
        "check",
        "--output-format",
        "json",
        "--stdin-filename",
        "libs/common/src/common/db/x.py",
        "-",
    ]
    done = subprocess.run(command, input=HEAD + BUILT[how], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "S608" in {fault["code"] for fault in json.loads(done.stdout)}
