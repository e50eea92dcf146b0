"""A folder of commands that stand in for those of the services."""

import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMANDS = ("local", "migrate", "gateway", "webhook", "tiktok", "instagram", "youtube")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture
def bin_folder(folder: Path) -> Path:
    commands = folder / "bin"
    commands.mkdir()
    (folder / "notes").mkdir()
    for name in COMMANDS:
        program = commands / name
        program.write_text(f"#!{sys.executable}\n" + (Path(__file__).parent / "stand_in_part.py").read_text())
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return commands


@pytest.fixture
def notes(folder: Path, bin_folder: Path) -> Path:
    """Where each stand-in part writes its environment."""
    return folder / "notes"
