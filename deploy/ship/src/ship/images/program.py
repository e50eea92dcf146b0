"""Runs programs: what they print comes back, what goes wrong is one line.

Each runs in a process group of its own, so that Ctrl-C at a terminal reaches us alone and we end it in order.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ship.images.check import CheckError

_LINES_TOLD = 3
_CHARS_MAX = 400
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(  # noqa: PLR0913  (each argument is a different side of a process)
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str | None] | None = None,
    stdin: str | None = None,
    timeout_s: float = 600,
    folder: Path | None = None,
    accepts: Sequence[int] = (0,),
) -> str:
    """What it printed to stdout. Raises CheckError with the end of what it printed to stderr."""
    done = attempt(argv, environment=environment, stdin=stdin, timeout_s=timeout_s, folder=folder)
    if done.returncode not in accepts:
        raise CheckError(f"{_name(argv)} ended with {done.returncode}: {_end(done.stderr or done.stdout)}")
    return done.stdout


def attempt(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str | None] | None = None,
    stdin: str | None = None,
    timeout_s: float = 600,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """How it ended, whatever that is. Raises CheckError if it is not there or does not end in time."""
    try:
        return subprocess.run(
            [str(part) for part in argv],
            env=_environment(environment or {}),
            input="" if stdin is None else stdin,
            text=True,
            errors="replace",
            capture_output=True,
            timeout=timeout_s,
            cwd=folder,
            process_group=0,
            check=False,
        )
    except FileNotFoundError as error:
        raise CheckError(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CheckError(f"{_name(argv)} did not end within {timeout_s:.0f} s") from error


def find(name: str) -> list[Path]:
    """Every program of this name on the path, and where administrators' programs are; the first comes first."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/sbin", "/sbin"]
    found = [Path(folder, name) for folder in folders if shutil.which(name, path=folder)]
    return list(dict.fromkeys(found))


@contextmanager
def undisturbed() -> Generator[None]:
    """Whoever asks us to stop waits until the block is done: it takes away what we made."""
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """Ours with these changes; None: the variable is not there."""
    return {name: value for name, value in {**os.environ, **changes}.items() if value is not None}


def _name(argv: Sequence[str | Path]) -> str:
    """The program and what it was to do, without its options' values."""
    words = [str(part) for part in argv[1:] if re.fullmatch(r"[a-z][a-z-]*", str(part))]
    return " ".join([Path(argv[0]).name, *words[:2]])


def _end(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LINES_TOLD:])[:_CHARS_MAX] or "it said nothing"
