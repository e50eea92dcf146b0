"""What each peer's worker does in a step, and how each is started: `python <peer>_app.py prep | worker | enqueue JOBS`.

These files run under `.venv-bench`, which has the peers and none of our services; of ours they import only what itself
imports nothing but psycopg. basedpyright checks the tree against `.venv`, where the peers are not, so it leaves this
folder out (pyproject.toml); ruff does not.

With a tape, a step is what our own worker sends to Postgres for it. With a journal instead, a step only takes its time
and notes its beginning and its end: for the crash, where a lease of ours would hide when the peer itself comes back.
"""

import asyncio
import os
import queue
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.floor.replay import OPTIONS, perform, perform_sync
from bench.floor.tape import Tape, read_tapes

SLOTS: Final = 16
CONNECTIONS: Final = 12  # as many as our worker's pool has
ENGINE: Final = os.environ["PEER_ENGINE"]
JOURNAL: Final = os.environ.get("PEER_JOURNAL", "")
STEPS: Final = int(os.environ["PEER_STEPS"])
STEP_S: Final = float(os.environ.get("PEER_STEP_S", "0"))
NAME: Final = os.environ.get("PEER_NAME", "peer")


def dispatch(
    *, worker: Callable[[], Any], enqueue: Callable[[range], Any], prepare: Callable[[], Any] | None = None
) -> None:
    match sys.argv[1:]:
        case ["prep"]:
            _ = prepare and prepare()
        case ["worker"]:
            worker()
        case ["enqueue", jobs]:
            enqueue(range(int(jobs)))
        case _:
            sys.exit("prep | worker | enqueue JOBS")


class Work:
    """The steps of all jobs. `load` comes first, in the process that is to do them; it tells when it is ready."""

    def __init__(self) -> None:
        self._tapes: list[Tape] = []
        self._free: asyncio.Queue[psycopg.AsyncConnection[Any]] | None = None
        self._free_sync: queue.Queue[psycopg.Connection[Any]] = queue.Queue()

    def load(self) -> None:
        if not JOURNAL:
            self._tapes = read_tapes(Path(os.environ["PEER_TAPES"]))
            Path(os.environ["PEER_READY"]).touch()

    def load_sync(self) -> None:
        """For threads."""
        for _ in range(0 if JOURNAL else CONNECTIONS):
            self._free_sync.put(psycopg.connect(os.environ["PEER_DATABASE"], **OPTIONS))
        self.load()

    async def perform(self, job: int, step: int, publish: Callable[[], Awaitable[Any]]) -> None:
        """Do it; `publish` hands over to the next."""
        if step >= STEPS:
            return
        if JOURNAL:
            _note("begin", job, step)
            await asyncio.sleep(STEP_S)
            _note("end", job, step)
            await publish()
            return
        free = self._free or await self._open()
        connection = await free.get()
        try:
            await perform(connection, self._tapes[job].steps[step], publish)
        finally:
            free.put_nowait(connection)

    def perform_sync(self, job: int, step: int, publish: Callable[[], Any]) -> None:
        """The same in a thread."""
        if step >= STEPS:
            return
        if JOURNAL:
            _note("begin", job, step)
            time.sleep(STEP_S)
            _note("end", job, step)
            publish()
            return
        connection = self._free_sync.get()
        try:
            perform_sync(connection, self._tapes[job].steps[step], publish)
        finally:
            self._free_sync.put(connection)

    async def _open(self) -> "asyncio.Queue[psycopg.AsyncConnection[Any]]":
        self._free = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await psycopg.AsyncConnection.connect(os.environ["PEER_DATABASE"], **OPTIONS))
        return self._free


def _note(what: str, job: int, step: int) -> None:
    """One write of one line: the kernel keeps those of several processes apart."""
    line = f"{time.time()} {NAME} {what} {job} {step}\n"
    journal = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(journal, line.encode())
    os.close(journal)
