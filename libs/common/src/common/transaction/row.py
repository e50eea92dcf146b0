"""From what is known of a creator to the row that is stored, in one place."""

from common.db.candidate import CandidateRow
from common.domain.creator import Creator
from common.domain.outcome import Enrichment, Outcome


def settled_row(
    creator: Creator, *, outcome: Outcome, rule: str, enrichment: Enrichment | None, seq: int | None
) -> CandidateRow:
    """A candidate's row for an outcome. `seq` is set if and only if it is delivered."""
    account, emails = creator.account, creator.contact.emails
    return CandidateRow(
        platform_id=account.platform_id,
        ordinal=0,
        outcome=outcome,
        rule=rule or None,
        seq=seq,
        enrichment=enrichment,
        handle=account.handle,
        name=account.name,
        followers=account.followers,
        verified=account.verified,
        has_email=None if emails is None else bool(emails),
        likeness=creator.likeness.score if creator.likeness else None,
        worth=0.0,
        details=creator,
    )
