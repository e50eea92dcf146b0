"""What a job wants of creators, and what that makes of one: the facts behind every outcome."""

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import datetime

from common.domain.contact import contact_of
from common.domain.creator import Account, Creator, Item, Match
from common.domain.filter import FilterName, Filters
from common.domain.job import PlatformName
from common.engine.filter import examine, unknown_filters
from common.engine.likeness import Portrait, likeness
from common.platform import ProfileKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """`target_id` and `portrait` are there in similar mode once the target is known. `is_lacking` tells whether an
    account lacks what a profile would tell anyway, `told` which filters' values it would tell."""

    platform: PlatformName
    now: datetime
    filters: Filters = field(default_factory=Filters)
    target_id: str | None = None
    portrait: Portrait | None = None
    is_lacking: Callable[[Account], bool] = lambda _: False
    told: Set[FilterName] = frozenset()

    def found(self, item: Item, matched: Match) -> Creator:
        """The creator behind an item, with all that the page says."""
        creator = Creator(
            account=item.account,
            contact=contact_of(item.account, platform=self.platform, seen_at=self.now),
            content=item.content,
            matched=matched,
        )
        return self._compared(creator)

    def completed(self, creator: Creator, account: Account, *, profile_seen_at: datetime | None) -> Creator:
        """The creator with a better-known account; `profile_seen_at` None: it is the page's still."""
        if profile_seen_at is None:
            return self._compared(creator)
        changes = {
            "account": account,
            "contact": contact_of(account, platform=self.platform, seen_at=profile_seen_at),
            "profile_seen_at": profile_seen_at,
        }
        return self._compared(creator.model_copy(update=changes))

    def is_profile_needed(self, creator: Creator) -> bool:
        """Whether buying the profile tells something: what is always wanted, or what a filter of this job asks for."""
        if self.is_lacking(creator.account):
            return True
        return bool(unknown_filters(examine(self.filters, creator, now=self.now)) & self.told)

    def _compared(self, creator: Creator) -> Creator:
        if self.portrait is None:
            return creator
        score = likeness(self.portrait, creator.account, creator.content, now=self.now)
        return creator.model_copy(update={"likeness": score})


def profile_facts(kind: ProfileKind | None) -> tuple[Callable[[Account], bool], Set[FilterName]]:
    """What a brief takes of a platform's profile endpoint."""
    return (kind.is_needed, kind.tells) if kind else (lambda _: False, frozenset())
