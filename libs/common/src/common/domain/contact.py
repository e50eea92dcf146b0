"""How a creator can be reached, put together from what an account says of itself."""

from datetime import datetime

from common.domain.address import find_emails, find_links
from common.domain.creator import Account, Contact, Email, EmailSource


def contact_of(account: Account, *, seen_at: datetime) -> Contact:
    """Addresses with where they stood, links, other accounts. `seen_at` is when the account was read."""
    sources: dict[str, list[EmailSource]] = {}
    for source, text in (
        (EmailSource.EMAIL_FIELD, " \n".join(account.emails)),
        (EmailSource.BIO, account.bio or ""),
        (EmailSource.BIO_LINK, " \n".join(account.links)),
    ):
        for address in find_emails(text):
            sources.setdefault(address, []).append(source)
    emails = tuple(Email(address=address, sources=tuple(stood), seen_at=seen_at) for address, stood in sources.items())
    is_told = account.bio is not None or bool(emails)
    links = tuple(dict.fromkeys((*account.links, *find_links(account.bio))))
    return Contact(emails=emails if is_told else None, links=links)
