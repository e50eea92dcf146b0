"""What a platform is: a frozen table of data and pure functions.

A platform describes its endpoints and how to read their answers. It has no hands: loops, retries, limits,
credits, time and storage belong to the engine and the worker.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from common.domain.creator import Account, Item
from common.domain.job import Mode, PlatformName

Params: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchInput:
    """What a search asks for. `query` is the keyword, the hashtag without `#`, or a handle without `@`."""

    query: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Unparsable:
    """An item that could not be read. `reason` is a constant of ours, never text of the upstream."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer to a search. `cursor` is what the next page is asked with, None if there is none."""

    items: tuple[Item | Unparsable, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchKind:
    """A way to search: its path, how to ask, how to read.

    `read` gets the decoded body of a 200 and raises ShapeError if it is no page at all; a single item that
    cannot be read becomes Unparsable, and a page may have no items and yet a cursor. `price` is in credits.
    """

    path: str
    ask: Callable[[SearchInput, str | None], Params]
    read: Callable[[bytes], Page]
    price: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileKind:
    """The endpoint that tells the rest of an account.

    `read` gets the decoded body of a 200; it raises NotFoundError if the body says that there is no such
    account and ShapeError if it is no profile.
    """

    path: str
    ask: Callable[[Account], Params]
    read: Callable[[bytes], Account]
    is_needed: Callable[[Account], bool]
    price: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything that is particular to a platform. `label` is the name that people read ("TikTok").

    `searches` has one entry per kind of search; a job's first searches have the kind `keyword` or `hashtag`
    (mode keyword) or `target` (mode similar), so a mode is supported if its kinds are there.
    """

    name: PlatformName
    label: str
    modes: frozenset[Mode] = frozenset()
    searches: Mapping[str, SearchKind] = field(default_factory=dict[str, SearchKind])
    profile: ProfileKind | None = None
