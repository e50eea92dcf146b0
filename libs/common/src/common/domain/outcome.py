"""What becomes of an item. Items seen = the sum of outcomes, always."""

from enum import StrEnum


class Outcome(StrEnum):
    DELIVERED = "delivered"
    DUPLICATE = "duplicate"
    FILTERED = "filtered"
    PRIVATE = "private"
    TARGET_ITSELF = "target_itself"
    UNPARSABLE = "unparsable"
    SEEN_BEFORE = "seen_before"
    SURPLUS = "surplus"
    PENDING = "pending"  # while the job runs: the enrichment runs
    RESERVE = "reserve"  # while the job runs: in hand beyond the target, nothing bought for it


# Outcomes that a candidate's row can hold; the others are counted on the step alone.
CANDIDATE_OUTCOMES: frozenset[Outcome] = frozenset(
    {
        Outcome.DELIVERED,
        Outcome.FILTERED,
        Outcome.PRIVATE,
        Outcome.SEEN_BEFORE,
        Outcome.SURPLUS,
        Outcome.PENDING,
        Outcome.RESERVE,
    }
)


class Enrichment(StrEnum):
    """How a candidate's profile came about."""

    NOT_NEEDED = "not_needed"  # the page already said everything
    BOUGHT = "bought"  # a profile call of this job
    CACHED = "cached"  # another call had brought it, within profiles.max_age
    NOT_FOUND = "not_found"  # the upstream does not know the account: delivered as known
    FAILED = "failed"  # could not be read or fetched: delivered as known
    SKIPPED = "skipped"  # a limit, the deadline or a cancel came first: delivered as known
