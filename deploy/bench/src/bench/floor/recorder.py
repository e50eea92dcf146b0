"""The worker of TikTok with a tape recorder below it, at psycopg: `python -m bench.floor.recorder FILE`.

The worker is the one that is deployed and knows nothing of it. Which step a statement belongs to is told by what its
log would say of it. What is read once in some seconds and kept is no step's and not recorded, nor how the pool tries a
connection.
"""

import pickle
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import structlog
from psycopg import AsyncConnection, AsyncCursor
from psycopg.adapt import PyFormat
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from bench.floor.entry import Entry
from bench.floor.tape import Encoded, Statement
from tiktok.main import main

_KEPT: Final = "system_settings"


class Recorder:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._numbers = count()
        self._transactions: dict[int, int] = {}

    def install(self) -> None:
        """Have everything recorded that psycopg's cursors execute."""
        execute, transaction, recorder = AsyncCursor.execute, AsyncConnection.transaction, self

        async def recorded(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
            recorder.note(cursor.connection, query, params)
            return await execute(cursor, query, params, **options)

        @asynccontextmanager
        async def numbered(connection: Any, *arguments: Any, **options: Any) -> AsyncGenerator[Any]:
            recorder.begin(connection)
            async with transaction(connection, *arguments, **options) as begun:
                yield begun

        AsyncCursor.execute = recorded  # pyright: ignore[reportAttributeAccessIssue]
        AsyncConnection.transaction = numbered  # pyright: ignore[reportAttributeAccessIssue]

    def begin(self, connection: Any) -> None:
        self._transactions[id(connection)] = next(self._numbers)

    def note(self, connection: Any, query: Any, params: Any) -> None:
        bound = structlog.contextvars.get_contextvars()
        if "step" not in bound or not query or _KEPT in str(query):
            return
        is_idle = connection.info.transaction_status is TransactionStatus.IDLE
        entry = Entry(
            job_id=bound["job_id"],
            step=bound["step"],
            connection=id(connection),
            transaction=None if is_idle else self._transactions[id(connection)],
            is_pipelined=connection.info.pipeline_status.value != 0,
            statement=Statement(
                str(query).encode(), params and {name: _frozen(connection, value) for name, value in params.items()}
            ),
        )
        self.entries.append(entry)


def _frozen(connection: Any, value: Any) -> Any:
    """Without any type of ours, and JSON as it is sent."""
    match value:
        case Jsonb():
            dumper = connection.adapters.get_dumper(Jsonb, PyFormat.TEXT)
            return Encoded(bytes(dumper(Jsonb, connection).dump(value)))
        case str():
            return str(value)
        case list():
            return [_frozen(connection, one) for one in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


if __name__ == "__main__":
    recording = Recorder()
    recording.install()
    main()
    Path(sys.argv[1]).write_bytes(pickle.dumps(recording.entries))
