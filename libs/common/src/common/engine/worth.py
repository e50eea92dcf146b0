"""Decides in which order profiles are bought: by what a candidate is likely to be worth."""

from common.domain.creator import Creator
from common.engine.brief import Brief
from common.engine.filter import examine, unknown_filters

# How likely contact is, by what the page says already: people with something to offer say how to reach them. Judged by
# what is common on the three platforms, not measured: no field of a search tells more.
CONTACT_BASE = 1.0
LINK_BONUS = 0.5
CATEGORY_BONUS = 0.3
VERIFIED_BONUS = 0.2
AUDIENCE_BONUS = 0.4
AUDIENCE_MIN = 5_000

UNKNOWN_FILTER_CHANCE = 0.5

# Above everything else: nothing has to be bought for them.
FREE_BONUS = 10.0


def worth(brief: Brief, creator: Creator) -> float:
    """The chance to pass the filters that are still unknown, times the hope for contact; greater is better."""
    account = creator.account
    hope = CONTACT_BASE
    hope += LINK_BONUS if account.links else 0.0
    hope += CATEGORY_BONUS if account.category else 0.0
    hope += VERIFIED_BONUS if account.verified else 0.0
    hope += AUDIENCE_BONUS if (account.followers or 0) >= AUDIENCE_MIN else 0.0
    unknown = unknown_filters(examine(brief.filters, creator, now=brief.now))
    chance = UNKNOWN_FILTER_CHANCE ** len(unknown)
    likely = creator.likeness.score if creator.likeness else 0.0
    free = 0.0 if brief.is_profile_needed(creator) else FREE_BONUS
    return round(free + chance * (hope + likely), 4)
