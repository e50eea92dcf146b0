"""The database as its owner sees it, beside the services."""

from collections.abc import Callable, Mapping
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

FINAL = ("completed", "error", "timeout", "cancelled")
_CONNECT_S = 5
_CLEAR = (
    "delete from dead_letters",
    # What runs, and what has a call to be settled, is not deleted.
    """update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now() where ended_at is null""",
    "update jobs set credits_reserved = 0 where credits_reserved > 0",
    "delete from jobs",
    "delete from upstream_calls",
    "delete from idempotency_keys",
    "delete from profiles",
    "delete from qstash_deliveries",
    "delete from owner_days",
    "delete from system_settings",
    """update platform_states set state = 'open', reason = null, until = null, prober = null, resumed_at = null""",
)


class Books:
    """Reads, and sets up what a test needs. The server may be killed between two questions."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """A connection in autocommit, to be closed."""
        return psycopg.Connection[dict[str, Any]].connect(
            self._url(), autocommit=True, row_factory=dict_row, connect_timeout=_CONNECT_S
        )

    def query(self, statement: LiteralString, **values: object) -> list[dict[str, Any]]:
        """The rows, if there are any. Raises psycopg.OperationalError while the server is away."""
        if self._connection is None:
            self._connection = self.connect()
        try:
            cursor = self._connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            self.hang_up()
            raise

    def hang_up(self) -> None:
        """Forget the connection: the server that it leads to is gone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def value(self, statement: LiteralString, **values: object) -> Any:
        """The only value of the only row."""
        [row] = self.query(statement, **values)
        [value] = row.values()
        return value

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs, the oldest first."""
        return self.query("select * from jobs order by id")

    def set(self, name: str, value: object) -> None:
        """A dynamic setting, named `category.key`."""
        with self.connect() as connection:
            _set(connection, name, value)

    def clear(self, settings: Mapping[str, object]) -> None:
        """No jobs, no letters, no profiles, all platforms open, these settings: all at once, so that nobody reads
        others in between."""
        with self.connect() as connection, connection.transaction():
            for statement in _CLEAR:
                connection.execute(statement)
            for name, value in settings.items():
                _set(connection, name, value)

    def picture(self, job_id: object) -> dict[str, list[dict[str, Any]]]:
        """Everything that is stored of a job, to be compared with a later picture."""
        return {
            "jobs": self.query("select * from jobs where id = %(job)s", job=job_id),
            "searches": self.query("select * from searches where job_id = %(job)s order by id", job=job_id),
            "steps": self.query("select * from steps where job_id = %(job)s order by id", job=job_id),
            "step_outcomes": self.query(
                "select * from step_outcomes where job_id = %(job)s order by search_id, step, outcome, rule", job=job_id
            ),
            "candidates": self.query(
                "select * from candidates where job_id = %(job)s order by platform_id", job=job_id
            ),
            "job_events": self.query("select * from job_events where job_id = %(job)s order by seq", job=job_id),
            "upstream_calls": self.query("select * from upstream_calls where job_id = %(job)s order by id", job=job_id),
        }


def _set(connection: psycopg.Connection[dict[str, Any]], name: str, value: object) -> None:
    category, _, key = name.partition(".")
    connection.execute(
        """insert into system_settings (category, key, value) values (%(category)s, %(key)s, %(value)s)
           on conflict (category, key) do update set value = excluded.value""",
        {"category": category, "key": key, "value": Jsonb(value)},
    )
