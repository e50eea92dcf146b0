"""The person behind an item, as far as the upstream told us. Unknown is None, never 0, "" or False.

The same frozen values are read from every platform, kept in Postgres and shown by the API.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from common.domain.model import Model

SHAPE_VERSION: Literal[1] = 1


class Account(Model):
    """What any endpoint says of an account.

    `platform_id` is the platform's stable id, always a string (numbers of 64 bits arrive rounded).
    `bio` None means "this endpoint does not tell"; "" means "the account has no bio".
    `links` are those in fields of their own (under the bio), `emails` likewise (a channel's e-mail), as written.
    `country` is ISO 3166-1 alpha-2, `language` BCP 47. `topics` are words under which the account files itself,
    `hashtags` and `mentions` those of its recent posts, the most used first. `posts_per_week` is told only by endpoints
    that list recent posts. `native` holds what only this platform has, under its own names: small, never a whole
    answer.
    """

    platform_id: str
    handle: str
    name: str | None = None
    url: str | None = None
    followers: int | None = None
    following: int | None = None
    posts: int | None = None
    verified: bool | None = None
    private: bool | None = None
    bio: str | None = None
    avatar_url: str | None = None
    links: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    country: str | None = None
    language: str | None = None
    category: str | None = None
    topics: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    created_at: datetime | None = None
    last_posted_at: datetime | None = None
    posts_per_week: float | None = None
    native: dict[str, JsonValue] = Field(default_factory=dict)

    def merged_with(self, profile: "Account") -> "Account":
        """This account with everything that `profile` knows laid over it; what it does not know stays.

        Both are the same account: handles are handed on to other people, ids are not.
        """
        assert profile.platform_id == self.platform_id
        known = {name: value for name, value in profile if value is not None and value not in ((), {})}
        return self.model_copy(update={**known, "native": self.native | profile.native})


class Statistics(Model):
    """Counts of a post, exact or None."""

    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    saves: int | None = None


class Content(Model):
    """A post. `text` is what its author wrote: the caption, or the title, a blank line and the description.

    `hashtags` are without `#`, `mentions` are handles without `@`, each once.
    """

    platform_id: str
    url: str | None = None
    text: str | None = None
    statistics: Statistics = Statistics()
    posted_at: datetime | None = None
    language: str | None = None
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()


class Item(Model):
    """One thing on a page that could be read. `item_id` identifies it within its search.

    `content` is the post through which the account was found, None if the page lists accounts.
    """

    item_id: str
    account: Account
    content: Content | None = None


class Target(Model):
    """The account that a job in similar mode was given, with the posts that were read of it."""

    account: Account
    contents: tuple[Content, ...] = ()


class EmailSource(StrEnum):
    """Where an address stood."""

    BIO = "bio"
    BIO_LINK = "bio_link"
    EMAIL_FIELD = "email_field"


class Email(Model):
    """An address in its normal form, where it stood, and when that was read."""

    address: str
    sources: tuple[EmailSource, ...]
    seen_at: datetime


class OtherAccount(Model):
    """The same person elsewhere, by their own word. `platform` is a constant of `domain.social`."""

    platform: str
    handle: str
    url: str


class Contact(Model):
    """How a creator can be reached. `emails` None: nothing was read yet that could hold one."""

    emails: tuple[Email, ...] | None = None
    links: tuple[str, ...] = ()
    accounts: tuple[OtherAccount, ...] = ()


class LikenessPart(Model):
    """One comparison with the target: `value` from 0 to 1, how much it weighs, and what was found."""

    name: str
    value: float
    weight: float
    evidence: tuple[str, ...] = ()


class Likeness(Model):
    """How like the target a creator is, from 0 to 1; parts that are unknown on either side are not there."""

    score: float
    parts: tuple[LikenessPart, ...]


class Match(Model):
    """Why a creator was found: the kind of search and what it asked for."""

    kind: str
    query: str


class Creator(Model):
    """Everything that is known of a candidate, the same for every platform.

    `profile_seen_at` is when its profile was read, maybe for another job; None if no profile was read.
    """

    version: Literal[1] = SHAPE_VERSION
    account: Account
    contact: Contact
    content: Content | None
    matched: Match
    likeness: Likeness | None = None
    profile_seen_at: datetime | None = None
