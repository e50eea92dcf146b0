"""Crash points: nothing without CRASH_AT, which only tests can set, and a death without a word with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.crash import Crash, CrashPoint
from common.errors import ConfigurationError
from common.settings import CrashSettings, read_settings

LOOPBACK = "postgresql://u:hunter2@127.0.0.1:1/x"
ELSEWHERE = "postgresql://u:hunter2@db.example/x"

# Passes one point five times, and says so; would say more if anything of it lived on.
PROGRAM = """
import atexit, signal, sys
from common.crash import CrashPoint
from common.settings import CrashSettings, read_settings

atexit.register(print, "exit", flush=True)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda *_: print("signal", flush=True))
[settings] = read_settings(CrashSettings)
crash = settings.crash
sys.stdout.write("unflushed\\n")
try:
    for number in range(5):
        crash.reach(CrashPoint.STEP_CLAIMED)
        crash.reach(CrashPoint.PAGE_COMMITTED)
        print(number, file=sys.stderr, flush=True)
finally:
    print("finally", flush=True)
"""


class DiedError(Exception):
    pass


def die() -> None:
    raise DiedError


def read(monkeypatch: pytest.MonkeyPatch, crash_at: str | None, database_url: str | None = LOOPBACK) -> CrashSettings:
    for name, value in (("CRASH_AT", crash_at), ("DATABASE_URL", database_url)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    [settings] = read_settings(CrashSettings)
    return settings


def fault(monkeypatch: pytest.MonkeyPatch, crash_at: str | None, database_url: str | None = LOOPBACK) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(monkeypatch, crash_at, database_url)
    text = str(caught.value)
    assert "hunter2" not in text
    assert "\n" not in text
    return text


def run(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The program as a process of its own."""
    (folder / "program.py").write_text(PROGRAM)
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, str(folder / "program.py")],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def passed(crash: Crash, *points: CrashPoint) -> int:
    """How many of these places are passed alive."""
    for number, point in enumerate(points):
        try:
            crash.reach(point)
        except DiedError:
            return number
    return len(points)


def test_without_a_point_every_place_is_passed() -> None:
    assert passed(Crash(die=die), *CrashPoint, *CrashPoint) == 2 * len(CrashPoint)


@pytest.mark.parametrize("point", CrashPoint)
def test_each_point_is_a_place_of_its_own(point: CrashPoint) -> None:
    others = [other for other in CrashPoint if other is not point]
    assert passed(Crash(point, die=die), *others) == len(others)
    assert passed(Crash(point, die=die), *others, point) == len(others)


@pytest.mark.parametrize("skip", [0, 1, 3])
def test_so_many_are_skipped_and_others_do_not_count(skip: int) -> None:
    here, other = CrashPoint.PAGE_COMMITTED, CrashPoint.STEP_CLAIMED
    assert passed(Crash(here, skip=skip, die=die), *[other, here] * 9) == 2 * skip + 1


def test_names_say_what_has_just_happened() -> None:
    """So that CRASH_AT can name each, and no two are the same."""
    for point in CrashPoint:
        assert point.value.replace("_", ".") == point.name.lower().replace("_", ".")
        assert point.value.count(".") == 1


def test_a_process_at_its_point_is_killed_without_a_word(tmp_path: Path) -> None:
    """No handler, no `finally`, nothing flushed; not before the point's turn has come."""
    result = run(tmp_path, CRASH_AT="page.committed:2", DATABASE_URL=LOOPBACK)
    assert result.returncode == -signal.SIGKILL
    assert result.stderr == "0\n1\n"
    assert result.stdout == ""


def test_a_process_without_a_point_lives(tmp_path: Path) -> None:
    result = run(tmp_path, DATABASE_URL=ELSEWHERE)
    assert result.returncode == 0
    assert result.stderr == "0\n1\n2\n3\n4\n"
    assert result.stdout == "unflushed\nfinally\nexit\n"


@pytest.mark.parametrize("database_url", [LOOPBACK, ELSEWHERE, None, "no url"])
def test_unarmed_settings_ask_nothing(monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> None:
    settings = read(monkeypatch, None, database_url)
    assert settings.crash_at is None
    assert passed(settings.crash, *CrashPoint) == len(CrashPoint)


@pytest.mark.parametrize("point", CrashPoint)
def test_every_point_can_be_named(monkeypatch: pytest.MonkeyPatch, point: CrashPoint) -> None:
    assert read(monkeypatch, point.value).crash_at == point.value
    assert read(monkeypatch, f"{point.value}:3").crash_at == f"{point.value}:3"


@pytest.mark.parametrize(
    "crash_at", ["page", "page.commited", "page.committed.", ".", "page_committed", "committed.page:3"]
)
def test_an_unknown_point_is_refused(monkeypatch: pytest.MonkeyPatch, crash_at: str) -> None:
    assert fault(monkeypatch, crash_at) == "CRASH_AT must be the name of a crash point"


@pytest.mark.parametrize(
    "crash_at",
    ["", "Page.Committed", "page.committed:", "page.committed:x", "page.committed:-1", "page.committed:1:2", "a b"],
)
def test_what_is_no_name_with_a_number_is_refused(monkeypatch: pytest.MonkeyPatch, crash_at: str) -> None:
    assert fault(monkeypatch, crash_at).startswith("CRASH_AT: ")


@pytest.mark.parametrize(
    "database_url",
    [
        ELSEWHERE,
        "postgresql://u:hunter2@10.0.0.1/x",
        "postgresql://u:hunter2@localhost.example/x",
        "postgresql://127.0.0.1@db.example/x",
        "postgresql://u:hunter2@localhost,db.example/x",
        "postgresql:///x?host=/run",
        "postgresql://localhost/x?host=db.example",
        "postgresql://localhost/x?hostaddr=10.0.0.1",
        None,
    ],
)
def test_a_point_is_refused_unless_the_database_is_on_loopback(
    monkeypatch: pytest.MonkeyPatch, database_url: str | None
) -> None:
    text = fault(monkeypatch, "page.committed", database_url)
    assert text == "CRASH_AT is for tests: it is refused unless DATABASE_URL is on loopback"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:5432", "[::1]", "u:hunter2@127.0.0.1:1"])
def test_a_point_is_taken_on_loopback(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert read(monkeypatch, "page.committed", f"postgresql://{host}/x").crash_at == "page.committed"
