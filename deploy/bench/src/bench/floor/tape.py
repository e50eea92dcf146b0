"""What our worker sends to Postgres for one job, step by step, as it was recorded from it: the floor and all peers send
just this, so they follow by themselves when our statements change.

Imports nothing but psycopg: peers in an environment of their own read tapes too.
"""

import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

_UUID: Final = re.compile(rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A parameter that is JSON already."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """As it is given to psycopg: its text with named places, and the values for them."""

    text: bytes
    parameters: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Unit:
    """What becomes visible at once: one statement alone, or the statements of a transaction, its BEGIN and COMMIT not
    among them. Pipelined: sent together, without waiting for each one's answer."""

    statements: tuple[Statement, ...]
    is_transaction: bool
    is_pipelined: bool


@dataclass(frozen=True, slots=True)
class JobKey:
    """A job of one search. `number` tells it from the others, from 0."""

    number: int
    job_id: UUID
    search_id: UUID


@dataclass(frozen=True, slots=True)
class Tape:
    """The steps of one job, from the first on, in order. In each: the claim, what precedes the page's commit, that
    commit (the first transaction), then the rest."""

    job: JobKey
    steps: tuple[tuple[Unit, ...], ...]

    def of(self, job: JobKey) -> "Tape":
        """What the same steps of another job are: all ids of ours are others, the people are the same."""
        renaming = _Renaming({self.job.job_id: job.job_id, self.job.search_id: job.search_id}, job.number)
        return Tape(job, tuple(tuple(renaming.unit(unit) for unit in step) for step in self.steps))


@dataclass(frozen=True, slots=True)
class _Renaming:
    known: Mapping[UUID, UUID]
    number: int

    def unit(self, unit: Unit) -> Unit:
        return replace(unit, statements=tuple(self._statement(one) for one in unit.statements))

    def _statement(self, statement: Statement) -> Statement:
        given = statement.parameters
        return Statement(statement.text, given and {name: self._value(value) for name, value in given.items()})

    def _value(self, value: Any) -> Any:
        match value:
            case UUID():
                return self._id(value)
            case list():
                return [self._value(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
            case Encoded(data=data):
                return Jsonb(b"".join(map(self._part, _parted(data))), _as_it_is)
            case _:
                return value

    def _part(self, part: bytes | UUID) -> bytes:
        return str(self._id(part)).encode() if isinstance(part, UUID) else part

    def _id(self, recorded: UUID) -> UUID:
        """The job's own, or one that was made on the way: the lowest bits of those are by chance."""
        return self.known.get(recorded) or UUID(int=recorded.int ^ self.number)


@cache
def _parted(data: bytes) -> Sequence[bytes | UUID]:
    """What is between the ids, and the ids: looked for once, not for every job."""
    return [UUID(part.decode()) if number % 2 else part for number, part in enumerate(_UUID.split(data))]


def _as_it_is(data: bytes) -> bytes:
    return data


def write_tapes(path: Path, tape: Tape, jobs: Sequence[JobKey]) -> None:
    """The steps of all these jobs, in order. Once for all who send them: it takes seconds."""
    path.write_bytes(pickle.dumps([tape.of(job) for job in jobs]))


def read_tapes(path: Path) -> list[Tape]:
    """Only of a file that this benchmark wrote itself."""
    return pickle.loads(path.read_bytes())  # noqa: S301
