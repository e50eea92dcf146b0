"""The tables that can be taken out: which columns, and which lines each creator gives."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic.alias_generators import to_camel

from common.domain.creator import Creator
from gateway.export.entry import Entry, Line, Value

NARROW, USUAL, WIDE = 12, 20, 40


class Preset(StrEnum):
    """Everything of every creator, or one line for each address to write to."""

    FULL = "full"
    OUTREACH = "outreach"


class Subject(StrEnum):
    """Whose creators they are."""

    JOB = "job"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is that of a spreadsheet, in characters."""

    name: str
    read: Callable[[Line], Value]
    width: int = USUAL


@dataclass(frozen=True, slots=True)
class Table:
    columns: Sequence[Column]
    lines: Callable[[Entry], Iterator[Line]]


def table_of(preset: Preset, subject: Subject) -> Table:
    if preset is Preset.OUTREACH:
        return Table(_OUTREACH, _contacts)
    return Table((*_CREATOR, *_FACTS[subject]), _itself)


def _itself(entry: Entry) -> Iterator[Line]:
    yield Line(entry)


def _contacts(entry: Entry) -> Iterator[Line]:
    """Nobody without an address is written to."""
    for email in entry.creator.contact.emails or ():
        yield Line(entry, email)


def _at(path: str, name: str | None = None, width: int = USUAL) -> Column:
    """What stands at this path of the creator, named by the API's path unless it is given a name."""
    parts = path.split(".")

    def read(line: Line) -> Value:
        value: Any = line.entry.creator
        for part in parts:
            if value is None:
                return None
            value = getattr(value, part)
        return value

    return Column(name or ".".join(map(to_camel, parts)), read, width)


def _of(name: str, read: Callable[[Creator], Value], width: int = USUAL) -> Column:
    return Column(name, lambda line: read(line.entry.creator), width)


def _addresses(creator: Creator) -> Value:
    emails = creator.contact.emails
    return None if emails is None else tuple(email.address for email in emails)


def _sources(creator: Creator) -> Value:
    """Where each of the addresses stood on the account's page, in their order."""
    emails = creator.contact.emails
    return None if emails is None else tuple(" and ".join(email.sources) for email in emails)


def _seen_at(creator: Creator) -> Value:
    """When the addresses were read: all at once."""
    emails = creator.contact.emails
    return max((email.seen_at for email in emails), default=None) if emails else None


def _likeness_parts(creator: Creator) -> Value:
    return tuple(f"{part.name} {part.value:g}" for part in creator.likeness.parts) if creator.likeness else None


def _bio_link(creator: Creator) -> Value:
    return creator.contact.links[0] if creator.contact.links else None


_PLATFORM: Final = Column("platform", lambda line: line.entry.platform.value, NARROW)
_JOB_IDS: Final = Column("jobIds", lambda line: line.entry.job_ids, WIDE)

# Every field of the creator: what people look at first stands first.
_CREATOR: Final = (
    _PLATFORM,
    _at("account.handle"),
    _at("account.name"),
    _at("account.url", width=WIDE),
    _at("account.followers", width=NARROW),
    _of("contact.emails", _addresses, WIDE),
    _at("contact.links", width=WIDE),
    _of("contact.accounts", lambda creator: tuple(account.url for account in creator.contact.accounts), WIDE),
    _at("account.bio", width=WIDE),
    _at("account.verified", width=NARROW),
    _at("account.private", width=NARROW),
    _at("account.country", width=NARROW),
    _at("account.language", width=NARROW),
    _at("account.category"),
    _at("account.following", width=NARROW),
    _at("account.posts", width=NARROW),
    _at("account.posts_per_week", width=NARROW),
    _at("account.last_posted_at"),
    _at("account.created_at"),
    _at("account.topics"),
    _at("account.hashtags", width=WIDE),
    _at("account.mentions", width=WIDE),
    _at("account.links", width=WIDE),
    _at("account.emails", width=WIDE),
    _at("account.avatar_url", width=WIDE),
    _at("account.platform_id"),
    _at("account.native", width=WIDE),
    _at("matched.kind", width=NARROW),
    _at("matched.query"),
    _at("likeness.score", width=NARROW),
    _of("likeness.parts", _likeness_parts, WIDE),
    _at("content.url", width=WIDE),
    _at("content.text", width=WIDE),
    _at("content.posted_at"),
    _at("content.language", width=NARROW),
    _at("content.hashtags", width=WIDE),
    _at("content.mentions", width=WIDE),
    _at("content.statistics.views", width=NARROW),
    _at("content.statistics.likes", width=NARROW),
    _at("content.statistics.comments", width=NARROW),
    _at("content.statistics.shares", width=NARROW),
    _at("content.statistics.saves", width=NARROW),
    _at("content.platform_id"),
    _at("profile_seen_at"),
    _of("contact.emailSources", _sources),
    _of("contact.emailsSeenAt", _seen_at),
    _at("version", width=NARROW),
)

_FACTS: Final = {
    Subject.JOB: (
        Column("seq", lambda line: line.entry.seq, NARROW),
        Column("foundAt", lambda line: line.entry.found_at),
        Column("enrichment", lambda line: line.entry.enrichment and line.entry.enrichment.value, NARROW),
        _JOB_IDS,
    ),
    Subject.CAMPAIGN: (
        Column("firstFoundAt", lambda line: line.entry.found_at),
        Column("lastFoundAt", lambda line: line.entry.last_found_at),
        _JOB_IDS,
    ),
}

_OUTREACH: Final = (
    Column("email", lambda line: line.email and line.email.address, WIDE),
    Column("sources", lambda line: line.email and tuple(source.value for source in line.email.sources)),
    Column("seenAt", lambda line: line.email and line.email.seen_at),
    _PLATFORM,
    _at("account.platform_id", "platformId"),
    _at("account.handle", "handle"),
    _at("account.name", "name"),
    _at("account.url", "url", WIDE),
    _at("account.followers", "followers", NARROW),
    _at("account.verified", "verified", NARROW),
    _at("account.country", "country", NARROW),
    _at("account.language", "language", NARROW),
    _of("bioLink", _bio_link, WIDE),
    _at("contact.links", "links", WIDE),
    _at("matched.kind", "matchedKind", NARROW),
    _at("matched.query", "matchedQuery"),
    _at("likeness.score", "likeness", NARROW),
    _at("content.url", "contentUrl", WIDE),
    _at("account.last_posted_at", "lastPostedAt"),
    Column("foundAt", lambda line: line.entry.found_at),
    _JOB_IDS,
)
