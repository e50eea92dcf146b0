"""What goes when an account is deleted, as the API shows it."""

from datetime import UTC, datetime

from common.db.account import Departure, Estate
from gateway.answer.document import Answer


class AccountDeletionAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """The counts are of what is still there. `active_jobs` are cancelled first."""

    owner: str
    requested_at: datetime
    jobs: int
    active_jobs: int
    campaigns: int

    @classmethod
    def of(cls, departure: Departure, estate: Estate) -> "AccountDeletionAnswer":
        return cls(
            owner=departure.owner,
            requested_at=departure.requested_at.astimezone(UTC),
            jobs=estate.jobs,
            active_jobs=estate.active_jobs,
            campaigns=estate.campaigns,
        )
