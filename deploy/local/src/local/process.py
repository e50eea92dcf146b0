"""Starts processes in order, waits until they are ready, notices when one dies, stops all in reverse.

Only what it started is ever signalled. Should the supervisor itself be killed, the kernel ends its children and the
undertaker theirs.
"""

import socket
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from local.child import STOP_GRACE_S, Child, Command, wait_until
from local.undertaker import Undertaker

READY_S = 60.0
_POLL_S = 0.05
_PROBE_S = 2.0
_DEATH_SHOWS_S = 0.5
_ANSWER_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Part:
    """A process that stays, and when it is ready: `http://...` answers 200, or `tcp://host:port` accepts."""

    command: Command
    ready: str
    ready_within_s: float = READY_S


class Supervisor:
    """Owns processes, in stages. As a context manager it stops them at the end."""

    def __init__(self) -> None:
        self._stages: list[list[Child]] = []
        self._parts: dict[str, Part] = {}
        self._undertaker = Undertaker()

    @property
    def children(self) -> list[Child]:
        """All processes in the order of their start."""
        return [child for stage in self._stages for child in stage]

    def child(self, name: str) -> Child:
        return next(child for child in self.children if child.name == name)

    def start(self, *parts: Part) -> None:
        """Start these together and wait until all are ready.

        Raises ProcessError for the one that is not, or for any that died meanwhile, with its last log lines.
        """
        self._stages.append([])
        for part in parts:
            self._parts[part.command.name] = part
            self._add(Child.start(part.command))
        self._await_ready(parts, self.children)

    def adopt(self, *children: Child) -> None:
        """Take over processes that are started and ready already, as one stage."""
        self._stages.append([])
        for child in children:
            self._add(child)

    def run(self, command: Command, timeout_s: float) -> None:
        """Run to the end. Raises ProcessError unless it exits with 0 in time."""
        child = Child.start(command)
        self._undertaker.watch(child)
        try:
            if not child.await_exit(timeout_s):
                raise child.failure(f"did not end within {timeout_s:.0f} s")
            if child.exit_code != 0:
                raise child.failure(_ending(child))
        finally:
            child.kill()
            self._undertaker.forget(child)

    def restart(self, *names: str, environment: Mapping[str, str] | None = None) -> None:
        """Kill these parts if they still run, start them again and wait until they are ready.

        `environment` is added to their own, for this life only. Raises ProcessError for one of these that dies.
        """
        for name in names:
            self.relaunch(name, environment)
        self._await_ready([self._parts[name] for name in names], [self.child(name) for name in names])

    def relaunch(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """The same for one part, without waiting."""
        old = self.child(name)
        old.kill()
        command = self._parts[name].command
        self.replace(old, Child.start(replace(command, environment={**command.environment, **(environment or {})})))

    def start_copy(self, name: str, copy: str, environment: Mapping[str, str], ready: str) -> None:
        """Start another process of a part under a name of its own, and wait until it is ready."""
        part = self._parts[name]
        command = replace(
            part.command,
            name=copy,
            environment={**part.command.environment, **environment},
            log=part.command.log.with_name(f"{copy}.log"),
        )
        self.start(replace(part, command=command, ready=ready))

    def dismiss(self, name: str) -> None:
        """Stop a part and forget it."""
        child = self.child(name)
        child.stop()
        self._undertaker.forget(child)
        del self._parts[name]
        for stage in self._stages:
            if child in stage:
                stage.remove(child)

    def replace(self, old: Child, new: Child) -> None:
        """Put a newly started process in the place of one that has ended."""
        old.kill()
        self._undertaker.forget(old)
        self._undertaker.watch(new)
        for stage in self._stages:
            if old in stage:
                stage[stage.index(old)] = new

    def check(self) -> None:
        """Raise ProcessError for a process that ended by itself, with its last log lines."""
        _check(self.children)

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Stop stage by stage, the last first: all of a stage are asked to end, and killed after the grace.

        Interrupted (a second Ctrl-C), it kills the rest at once.
        """
        try:
            for stage in reversed(self._stages):
                _stop_stage(stage, grace_s)
        finally:
            for child in reversed(self.children):
                child.kill()
            self._undertaker.close()
            self._stages.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _add(self, child: Child) -> None:
        self._stages[-1].append(child)
        self._undertaker.watch(child)

    def _await_ready(self, parts: Sequence[Part], watched: Sequence[Child]) -> None:
        began = time.monotonic()
        waiting = list(parts)
        while waiting:
            _check(watched)
            part = waiting[0]
            fault = probe(part.ready)
            if fault is None:
                waiting.pop(0)
            elif time.monotonic() - began > part.ready_within_s:
                reason = f"was not ready within {part.ready_within_s:.0f} s ({fault})"
                raise self.child(part.command.name).failure(reason)
            else:
                time.sleep(_POLL_S)


@contextmanager
def watched(supervisor: Supervisor) -> Generator[None]:
    """While the body fails because a process died, say so instead: the dead process is the better reason."""
    try:
        yield
    except Exception:
        wait_until(lambda: not all(child.is_running for child in supervisor.children), _DEATH_SHOWS_S)
        supervisor.check()
        raise


def probe(ready: str) -> str | None:
    """None if it is ready, else what was seen instead."""
    address = urlsplit(ready)
    if address.scheme == "tcp":
        return _probe_tcp(address.hostname or "", address.port or 0)
    # Not httpx: it reads all certificates of the machine for each question, and we ask twenty times a second.
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_PROBE_S)
    try:
        connection.request("GET", address.path or "/")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"{ready}: {error or type(error).__name__}"
    finally:
        connection.close()
    if answer.status == 200:
        return None
    return f"{ready} answered {answer.status} {text[:_ANSWER_CHARS_MAX]}".rstrip()


def _probe_tcp(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), timeout=_PROBE_S).close()
    except OSError as error:
        return f"{host}:{port}: {error}"
    return None


def _check(children: Sequence[Child]) -> None:
    for child in children:
        if not child.is_running:
            raise child.failure(_ending(child))


def _stop_stage(stage: Sequence[Child], grace_s: float) -> None:
    deadline = time.monotonic() + grace_s
    for child in reversed(stage):
        child.request_stop()
    for child in reversed(stage):
        child.await_exit(max(0.0, deadline - time.monotonic()))
        child.kill()


def _ending(child: Child) -> str:
    code = child.exit_code or 0
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
