"""A Docker engine: one that runs, or else our own, which is gone afterwards with all that it held."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from local.child import wait_until
from ship.images.check import CheckError, Sheet
from ship.images.docker import Docker, answers, find_client
from ship.images.footing import footing_kept
from ship.images.program import attempt, find, run, undisturbed

_USUAL = "unix:///var/run/docker.sock"
_PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "debootstrap": "debootstrap"}
_READY_S = 60.0
_END_S = 30.0
_PROGRAM = re.compile(rb"(^|/)(dockerd|containerd[\w-]*)$")
_OPTIONS = ("--bridge=none", "--default-ulimit", "nofile=20000:20000")


@contextmanager
def open_engine(url: str | None, sheet: Sheet) -> Generator[Docker]:
    """The engine at `url` or DOCKER_HOST or the usual place, if one answers; else our own, until the block ends.

    Raises CheckError if none answers where one was named, or if none can be started.
    """
    named = url or os.environ.get("DOCKER_HOST")
    host = named or _USUAL
    if running := _running(host):
        sheet.note("engine", f"the one that runs at {host}, client {running.program}")
        yield running
        return
    if url:
        raise CheckError(f"no engine answers at {url}")
    _install()
    if not named and Path("/run/systemd/system").exists() and wait_until(lambda: _running(host) is not None, 5):
        # The distribution's package has started its service.
        yield from _yield_running(host)
        return
    with footing_kept(), _own(sheet) as docker:
        yield docker


def _yield_running(host: str) -> Generator[Docker]:
    running = _running(host)
    assert running is not None
    yield running


def _running(host: str) -> Docker | None:
    programs = find("docker")
    if not programs or not answers(programs[0], host):
        return None
    return Docker(find_client(), host, is_own=False)


def _install() -> None:
    """What an engine of our own needs, from the distribution's packages. Raises CheckError if that cannot be."""
    missing = sorted({package for program, package in _PACKAGES.items() if not find(program)})
    if os.geteuid() != 0:
        raise CheckError("no engine answers, and only root can start one: start Docker, or run this as root")
    if missing and not find("apt-get"):
        raise CheckError(f"no engine answers, and there is no apt-get to install {' '.join(missing)} with")
    if missing:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-qq"], environment=quiet)
        run(["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *missing], environment=quiet)


@contextmanager
def _own(sheet: Sheet) -> Generator[Docker]:
    """Our own engine in a temporary folder."""
    if others := _engines_here():
        raise CheckError(
            f"process {others[0]} is a Docker engine that does not answer here: two would get in each other's way; "
            "name it by --engine"
        )
    client = find_client()
    folder = Path(tempfile.mkdtemp(prefix="creatorscout-engine-"))
    host = f"unix://{folder}/d.sock"
    try:
        daemon = _start(folder, host)
        try:
            _await_ready(daemon, client, host, folder / "log")
            sheet.note("engine", f"our own, in {folder}, client {client}")
            yield Docker(client, host, is_own=True)
        finally:
            with undisturbed():
                _stop(daemon, folder)
    finally:
        with undisturbed():
            unmount(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, host: str) -> subprocess.Popen[bytes]:
    places = ("--data-root", folder / "data", "--exec-root", folder / "exec", "--pidfile", folder / "pid")
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [str(part) for part in (find("dockerd")[0], *places, "--host", host, *_OPTIONS)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await_ready(daemon: subprocess.Popen[bytes], client: Path, host: str, log: Path) -> None:
    def is_settled() -> bool:
        return daemon.poll() is not None or answers(client, host)

    if wait_until(is_settled, _READY_S) and daemon.poll() is None:
        return
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    raise CheckError(f"dockerd does not come up: {lines[-1] if lines else 'it said nothing'}")


def _stop(daemon: subprocess.Popen[bytes], folder: Path) -> None:
    """End it, and what it started and did not end: those whose arguments name our folder."""
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(_END_S)
    for pid in _named(str(folder).encode()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    daemon.wait(_END_S)


def _named(text: bytes) -> list[int]:
    """The engine's programs with this in their arguments."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            program, *arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if _PROGRAM.search(program) and any(text in argument for argument in arguments):
                found.append(int(entry.name))
    return found


def _engines_here() -> list[int]:
    """Docker engines that share our network: each would remove the other's rules."""
    found: list[int] = []
    here = os.stat("/proc/self/ns/net").st_ino
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if (entry / "comm").read_text().strip() == "dockerd" and (entry / "ns/net").stat().st_ino == here:
                found.append(int(entry.name))
    return found


def unmount(folder: Path) -> None:
    """What is mounted below the folder, the deepest first; a mount may be busy for a moment."""
    for _ in range(20):
        mounts = mounts_below(folder, Path("/proc/self/mountinfo").read_text())
        if not mounts:
            return
        for mount in mounts:
            attempt(["umount", mount])
        time.sleep(0.1)
    for mount in mounts_below(folder, Path("/proc/self/mountinfo").read_text()):
        attempt(["umount", "--lazy", mount])


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """Mount points in the folder, the deepest first."""
    points = [line.split()[4].replace("\\040", " ") for line in mountinfo.splitlines()]
    return sorted((point for point in points if Path(point).is_relative_to(folder)), key=len, reverse=True)
