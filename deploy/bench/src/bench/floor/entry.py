"""What the recorder notes of each statement."""

from dataclasses import dataclass

from bench.floor.tape import Statement


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement, and the transaction and connection that it ran in."""

    job_id: str
    step: int
    connection: int
    transaction: int | None
    is_pipelined: bool
    statement: Statement
