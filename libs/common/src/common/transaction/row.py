"""From what is known of a creator to the row that is stored, in one place."""

from common.db.candidate import CandidateRow, Details
from common.domain.address import find_emails
from common.domain.creator import Account, Item
from common.domain.outcome import Enrichment, Outcome


def details_of(item: Item) -> Details:
    """What a page said of a creator."""
    return Details(account=item.account, emails=_emails(item.account), video=item.video, hashtags=item.hashtags)


def with_account(details: Details, account: Account) -> Details:
    """The same with a better-known account."""
    return details.model_copy(update={"account": account, "emails": _emails(account)})


def settled_row(
    platform_id: str, details: Details, *, outcome: Outcome, enrichment: Enrichment | None, seq: int | None
) -> CandidateRow:
    """A candidate's row for an outcome. `seq` is set if and only if it is delivered."""
    account = details.account
    return CandidateRow(
        platform_id=platform_id,
        ordinal=0,
        outcome=outcome,
        rule=None,
        seq=seq,
        enrichment=enrichment,
        handle=account.handle,
        name=account.name,
        followers=account.followers,
        verified=account.verified,
        has_email=None if details.emails is None else bool(details.emails),
        details=details,
    )


def _emails(account: Account) -> tuple[str, ...] | None:
    return None if account.bio is None else find_emails(account.bio)
