"""How a creator can be reached, put together from what an account says of itself."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from common.domain.address import LINK_LENGTH_MAX, find_emails, find_links
from common.domain.creator import Account, Contact, Email, EmailSource, OtherAccount
from common.domain.job import PlatformName
from common.domain.social import account_at, find_accounts
from common.domain.text import TEXT_LENGTH_MAX

COUNT_MAX: Final = 50
"""Of e-mails, of links and of accounts: nobody is reached in more ways."""

# What apps and advertisements add to a link to know where a visitor came from; no page depends on them.
_TRACKING: Final = re.compile(r"utm_\w+|igsh|igshid|fbclid|gclid|ttclid|mc_cid|mc_eid", re.IGNORECASE)
# A signature may cover the whole query.
_SIGNED: Final = re.compile(r"(?:^|[&?;_-])(?:sig|sign|signature|hmac|token|hash|expires)=", re.IGNORECASE)
_ANY_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d)", re.IGNORECASE)


def contact_of(
    account: Account, *, platform: PlatformName, seen_at: datetime, bio_length_max: int = TEXT_LENGTH_MAX
) -> Contact:
    """Addresses with where they stood, links, other accounts. `seen_at` is when the account was read.

    Links are shown as the creator wrote them, but for the scheme and host in one form, the last slash and tracking;
    one that differs in nothing but the scheme, "www." or a capital of its host is not shown twice. The account itself
    is no other account. Linear time; of the bio, the first `bio_length_max` characters are read.
    """
    written = find_links(account.bio, length_max=bio_length_max)
    links = _unique(link for text in (*account.links, *written) if (link := normal_link(text)))
    return Contact(
        emails=_emails(account, seen_at, bio_length_max),
        links=links,
        accounts=tuple(
            other
            for other in find_accounts(account.bio, links, length_max=bio_length_max)
            if not _is_itself(other, account, platform)
        )[:COUNT_MAX],
    )


def normal_link(text: str) -> str | None:
    """The web link that a link field holds, in its normal form; None if it is none ("mailto:", "tel:", a word)."""
    text = text.strip()
    if _ANY_SCHEME.match(text) is None:
        text = "https://" + text.removeprefix("//")
    try:
        parts = urlsplit(text)
        is_sound = parts.port != 0 and parts.username is None and "." in (parts.hostname or "").strip(".")
    except ValueError:  # urlsplit's word for a bad port or host
        return None
    if parts.scheme not in ("http", "https") or not is_sound or not text.isprintable() or " " in text:
        return None
    query = _without_tracking(parts.query)
    path = parts.path if query or parts.fragment else parts.path.rstrip("/")
    link = parts._replace(netloc=parts.netloc.lower(), path=path, query=query).geturl()
    return link if len(link) <= LINK_LENGTH_MAX else None


def _without_tracking(query: str) -> str:
    """The query without what is known to be tracking, byte for byte; a signed one stays whole."""
    if _SIGNED.search(query):
        return query
    return "&".join(part for part in query.split("&") if not _TRACKING.fullmatch(part.partition("=")[0]))


def _unique(links: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for link in links:
        first.setdefault(link.partition("://")[2].removeprefix("www."), link)
    return tuple(first.values())[:COUNT_MAX]


def _emails(account: Account, seen_at: datetime, bio_length_max: int) -> tuple[Email, ...] | None:
    """None if nothing was read that could hold one: no bio, no field, and no link that is an address."""
    sources: dict[str, dict[EmailSource, None]] = {}
    for source, address in _stood(account, bio_length_max):
        sources.setdefault(address, {})[source] = None
    if account.bio is None and not account.emails and not sources:
        return None
    found = [Email(address=address, sources=tuple(stood), seen_at=seen_at) for address, stood in sources.items()]
    return tuple(found[:COUNT_MAX])


def _stood(account: Account, bio_length_max: int) -> Iterator[tuple[EmailSource, str]]:
    for text in account.emails:
        yield from ((EmailSource.EMAIL_FIELD, address) for address in find_emails(text))
    yield from ((EmailSource.BIO, address) for address in find_emails(account.bio, length_max=bio_length_max))
    for text in account.links:
        yield from ((EmailSource.BIO_LINK, address) for address in find_emails(text))


def _is_itself(other: OtherAccount, account: Account, platform: PlatformName) -> bool:
    if other.platform != platform:
        return False
    page = account_at(account.url or "")
    names = (account.handle.removeprefix("@"), account.platform_id, page.handle if page else "")
    return other.handle.casefold() in {name.casefold() for name in names}
