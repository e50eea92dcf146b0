"""What one run cost, as it was measured: by the gateway, by the sandbox and in Postgres."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from local.cost.run import Run

LACKING: Final = ("bought", "cached", "not_found", "failed", "skipped")
"""What becomes of a candidate whose page did not say enough (`candidates.enrichment`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """`pages`, `profiles` and `credits` are what the gateway tells of the job.

    `charged`, `paid_count` and `asked` are the sandbox's record: credits, calls that cost some, and the account of each
    call to the profile endpoint. `enrichments` counts candidates, all of `candidate_count` distinct, and
    `new_lacking_count` those of them who lacked a profile that no earlier run had brought.
    """

    run: Run
    status: str
    stop_reason: str | None
    delivered: int
    with_email: int
    pages: int
    profiles: int
    credits: int
    charged: int
    paid_count: int
    asked: tuple[str, ...]
    candidate_count: int
    enrichments: Mapping[str, int]
    new_lacking_count: int
    seconds: float

    @property
    def credits_per_creator(self) -> float | None:
        return self.credits / self.delivered if self.delivered else None

    @property
    def credits_per_creator_with_email(self) -> float | None:
        return self.credits / self.with_email if self.with_email else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A run that the gateway refused: the platform has no such jobs."""

    run: Run
