"""What a platform is: a frozen table of data and pure functions.

A platform describes its endpoints and how to read their answers. It has no hands: loops, retries, limits,
credits, time and storage belong to the engine and the worker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from common.domain.creator import Account, Content, Item, Target
from common.domain.filter import FilterName
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName

Params: TypeAlias = Mapping[str, str]

TARGET_KIND = "target"
"""The kind of the first search in similar mode: its query is the target's handle, its page tells the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchInput:
    """What a search asks for. `query` is the keyword, the hashtag without `#`, or a handle without `@`.

    `cache_max_age` is the greatest age of an answer that the upstream may give from its own cache, as it writes ages
    ("7d"); only endpoints that have the parameter send it.
    """

    query: str
    region: str | None = None
    cache_max_age: str | None = None


@dataclass(frozen=True, slots=True)
class Unparsable:
    """An item that could not be read. `reason` is a constant of ours, never text of the upstream."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer to a search. `cursor` is what the next page is asked with, None if there is none.

    `target` is the account that a similar job was given, if this page tells it, and `target_contents` its own posts:
    neither is among `items`, and each is an item of the upstream's all the same.
    """

    items: tuple[Item | Unparsable, ...]
    cursor: str | None
    target: Account | None = None
    target_contents: tuple[Content, ...] = ()

    @property
    def target_items_count(self) -> int:
        return (self.target is not None) + len(self.target_contents)

    @property
    def items_count(self) -> int:
        """Everything that the upstream gave us here."""
        return len(self.items) + self.target_items_count


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSearch:
    """A search that a job shall have. `kind` names an entry of the platform's `searches`.

    Searches of a later wave start when every search of the earlier ones has ended and the target is still open.
    """

    kind: str
    query: str
    wave: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What may lead to further searches: what was asked, the page (None: the search ended without one, by an error),
    and what is known of the job's target by now (None in keyword mode)."""

    search: SearchInput
    page: Page | None
    target: Target | None


def no_leads(trail: Trail) -> Sequence[PlannedSearch]:
    """A search that leads to no other."""
    del trail
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchKind:
    """A way to search: its path, how to ask, how to read, where it leads.

    `read` gets the decoded body of a 200 and raises ShapeError if it is no page at all, NotFoundError if it says that
    there is no such thing; a single item that cannot be read becomes Unparsable, and a page may have no items and yet a
    cursor. `price` is in credits. `numbered_pages_max`: the endpoint tells no cursor but takes the number of a page, 1
    to this; `read` gives None then, and the engine counts. `leads` is asked after every page of the search, and once if
    it ends without any; what it names again is known already.
    """

    path: str
    ask: Callable[[SearchInput, str | None], Params]
    read: Callable[[bytes], Page]
    price: int = 1
    numbered_pages_max: int | None = None
    leads: Callable[[Trail], Sequence[PlannedSearch]] = no_leads


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileKind:
    """The endpoint that tells the rest of an account.

    `ask` gets the account and the greatest age that the upstream's own cache may answer with (see SearchInput).
    `read` gets the decoded body of a 200; it raises NotFoundError if the body says that there is no such
    account and ShapeError if it is no profile. `tells` are the filters whose values it knows.
    """

    path: str
    ask: Callable[[Account, str | None], Params]
    read: Callable[[bytes], Account]
    is_needed: Callable[[Account], bool]
    tells: frozenset[FilterName]
    price: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything that is particular to a platform. `label` is the name that people read ("TikTok").

    `searches` has one entry per kind of search; a job's first searches have the kind `keyword` or `hashtag`
    (mode keyword) or `target` (mode similar), so a mode is supported if its kinds are there. `filters` are those whose
    values some endpoint tells. `branch` is the search that goes on from a creator like the target, if there is one.
    """

    name: PlatformName
    label: str
    handles: HandleRule
    modes: frozenset[Mode] = frozenset()
    searches: Mapping[str, SearchKind] = field(default_factory=dict[str, SearchKind])
    profile: ProfileKind | None = None
    filters: frozenset[FilterName] = frozenset()
    branch: Callable[[Account], PlannedSearch] | None = None
