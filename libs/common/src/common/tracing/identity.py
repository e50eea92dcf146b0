"""Trace ids that nobody has to keep: those of a job and of each of its steps follow from their own ids by a hash.

The rule: whoever knows a step knows its trace, so a redelivery, a lost header or a sweep leads to the right one. The
lower half of the id is the job's alone: samplers decide by it, so a job's steps are kept or dropped together.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

_HEADER = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 0x01
_HALF_BYTES = 8


class StepIds(Protocol):
    """What names a step: a message has it, and so has a step that is due."""

    @property
    def job_id(self) -> UUID: ...
    @property
    def search_id(self) -> UUID: ...
    @property
    def step(self) -> int: ...
    @property
    def generation(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A span's place: what a header carries and a link leads to."""

    trace_id: int
    span_id: int
    is_sampled: bool = True

    @property
    def trace_hex(self) -> str:
        return f"{self.trace_id:032x}"

    @property
    def span_hex(self) -> str:
        return f"{self.span_id:016x}"

    @property
    def header(self) -> str:
        """As W3C's `traceparent`."""
        return f"00-{self.trace_hex}-{self.span_hex}-{int(self.is_sampled):02x}"

    @classmethod
    def read(cls, header: str | None) -> "Place | None":
        """None for what is no `traceparent` of the version that we write."""
        found = _HEADER.fullmatch(header) if header else None
        if found is None:
            return None
        trace_id, span_id, flags = (int(part, 16) for part in found.groups())
        return cls(trace_id, span_id, bool(flags & _SAMPLED)) if trace_id and span_id else None


def job_place(job_id: UUID) -> Place:
    """Where the span of a job's creation is: what all its steps link to."""
    return Place(_joined(_half("job", job_id), _half("sample", job_id)), _half("root", job_id))


def step_trace_id(step: StepIds) -> int:
    """The trace of a step at one generation, whoever performs it how often."""
    return _joined(_half("step", step.search_id, step.step, step.generation), _half("sample", step.job_id))


def _joined(upper: int, lower: int) -> int:
    return upper << _HALF_BYTES * 8 | lower


def _half(*parts: object) -> int:
    """Eight bytes, never all zero: a UUIDv7's own bits would not do, some of them are the same in all."""
    digest = hashlib.sha256(":".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:_HALF_BYTES]) or 1
