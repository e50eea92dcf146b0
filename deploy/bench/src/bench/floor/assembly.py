"""From what was recorded to a tape: statements by step, in the units in which they became visible."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from bench.floor.entry import Entry
from bench.floor.tape import JobKey, Tape, Unit


def assemble(entries: Sequence[Entry], job: JobKey, steps: int) -> Tape:
    """The first steps of this job. Units are ordered by their beginnings."""
    own = [entry for entry in entries if entry.job_id == str(job.job_id)]
    return Tape(job, tuple(_units([entry for entry in own if entry.step == step]) for step in range(steps)))


def _units(entries: list[Entry]) -> tuple[Unit, ...]:
    numbered = [(number, entry) for number, entry in enumerate(entries)]
    # A transaction's statements are one unit, though others ran beside it; a statement outside of any is its own.
    names = {number: _name(number, entry) for number, entry in numbered}
    first = {names[number]: number for number, _ in reversed(numbered)}
    ordered = sorted(numbered, key=lambda one: (first[names[one[0]]], one[0]))
    return tuple(_unit([entry for _, entry in group]) for _, group in groupby(ordered, key=lambda one: names[one[0]]))


def _name(number: int, entry: Entry) -> tuple[str, int]:
    return ("alone", number) if entry.transaction is None else ("transaction", entry.transaction)


def _unit(entries: list[Entry]) -> Unit:
    return Unit(
        statements=tuple(map(attrgetter("statement"), entries)),
        is_transaction=entries[0].transaction is not None,
        is_pipelined=entries[0].is_pipelined,
    )
