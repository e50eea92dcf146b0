"""A stack for each worker process of the run, and the report at the run's end."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.faults.record import Record
from local.faults.site import Site
from local.stack import Options, Stack

ROOT = Path(__file__).parents[2]
RECORD = pytest.StashKey[Record]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORD] = Record()


@pytest.fixture(scope="session")
def record(request: pytest.FixtureRequest) -> Record:
    """What this process did and saw."""
    return request.config.stash[RECORD]


@pytest.fixture(scope="session")
def running_site(tmp_path_factory: pytest.TempPathFactory, record: Record) -> Iterator[Site]:
    with _turn(tmp_path_factory.getbasetemp().parent / "start.lock"):
        stack = Stack.start(Options(folder=tmp_path_factory.mktemp("stack"), latency="none", has_tester=True))
    with stack:
        yield Site(stack, record)


@contextmanager
def _turn(file: Path) -> Iterator[None]:
    """One stack starts at a time: that takes all cores, and what runs already mostly waits."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def site(running_site: Site) -> Site:
    """The stack as new."""
    running_site.renew()
    return running_site


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker process of pytest-xdist hands over what it counted."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["faults"] = json.dumps(session.config.stash[RECORD].told())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    if told := getattr(node, "workeroutput", {}).get("faults"):
        node.config.stash[RECORD].add(json.loads(told))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    record = config.stash[RECORD]
    if hasattr(config, "workerinput") or not record.checks:
        return
    report = record.render()
    file = ROOT / "out" / "faults.md"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"# Faults\n\n{report}")
    terminalreporter.section("faults")
    terminalreporter.write(report)
