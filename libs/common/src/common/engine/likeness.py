"""How like the target of a job a creator is: six comparisons, each with what it found, and one score.

The rule: what is not known of a creator adds nothing, so that silence never looks like likeness. The score is the sum
of weight times value, divided by the weights of all parts that the target tells, at least half of all weights: that is
one number for the whole job, so its creators are compared by what was shown of them alone (docs/likeness.md).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2, log10
from types import MappingProxyType
from typing import Final

from common.domain.creator import Account, Content, Likeness, LikenessPart, Target
from common.domain.topic import fold, topic_hashtags, topic_words

WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"hashtags": 0.30, "topics": 0.30, "audience": 0.15, "language": 0.10, "rhythm": 0.05, "mentions": 0.10}
)

EVIDENCE_COUNT_MAX: Final = 10
EVIDENCE_LENGTH_MAX: Final = 100

HASHTAG_COUNT_FULL: Final = 5
WORD_COUNT_FULL: Final = 8
MENTION_COUNT_FULL: Final = 3
"""So many of the target's most used ones are full likeness: nobody shares all."""

WORD_COUNT_MAX: Final = 200
HASHTAG_COUNT_MAX: Final = 200
MENTION_COUNT_MAX: Final = 200

AUDIENCE_DECADES: Final = 1.5
"""Audiences that differ by a factor of 10 to this have nothing in common."""

RHYTHM_DOUBLINGS: Final = 3.0
POSTS_PER_WEEK_MIN: Final = 0.05
AGE_MIN: Final = timedelta(weeks=1)

_NO_LANGUAGES: Final = frozenset({"", "un", "und", "mul", "zxx", "mis"})
_WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Share:
    """What the target uses and how much; `full` is the weight that counts as full likeness."""

    weights: Mapping[str, float]
    full: float


@dataclass(frozen=True, slots=True)
class Portrait:
    """The target's side of every comparison, computed once for a job."""

    account: Account
    handle: str
    hashtags: Share
    words: Share
    mentions: Share
    language: str | None


def portrait_of(target: Target) -> Portrait:
    """The target as candidates are compared with it: its account and the posts that were read of it."""
    account, contents = target.account, target.contents
    hashtags = Counter(topic_hashtags(account.hashtags))
    mentions = Counter(_handles(account.mentions))
    said = topic_words(_self_description(account))
    words = Counter(said)
    for content in contents:
        hashtags.update(topic_hashtags(content.hashtags))
        mentions.update(_handles(content.mentions))
        words.update(topic_words((content.text,)))
    words = Counter({word: count for word, count in words.items() if word in said or count > 1 or len(contents) < 5})
    words.update(hashtags.keys())
    handle = _handle(account)
    del mentions[handle]
    return Portrait(
        account=account,
        handle=handle,
        hashtags=_share(hashtags, HASHTAG_COUNT_MAX, HASHTAG_COUNT_FULL),
        words=_share(words, WORD_COUNT_MAX, WORD_COUNT_FULL),
        mentions=_share(mentions, MENTION_COUNT_MAX, MENTION_COUNT_FULL),
        language=_language(account, contents),
    )


def likeness(portrait: Portrait, account: Account, content: Content | None, *, now: datetime) -> Likeness:
    """How like the target an account is, which is known by itself and maybe by a post.

    Parts that are unknown on either side are left out.
    """
    contents = () if content is None else (content,)
    found = (
        _hashtags(portrait, account, contents),
        _topics(portrait, account, contents),
        _audience(portrait, account),
        _spoken(portrait, account, contents),
        _rhythm(portrait, account, now),
        _mentions(portrait, account, contents),
    )
    parts = tuple(part for part in found if part)
    shown = sum(part.weight * part.value for part in parts)
    return Likeness(score=round(min(1.0, shown / _told(portrait, now)), 4), parts=parts)


def _told(portrait: Portrait, now: datetime) -> float:
    """The weight of what the target tells, at least half of all: few facts in common are no full likeness."""
    tells = {
        "hashtags": bool(portrait.hashtags.weights),
        "topics": bool(portrait.words.weights),
        "audience": portrait.account.followers is not None,
        "language": portrait.language is not None,
        "rhythm": _posts_per_week(portrait.account, now) is not None,
        "mentions": bool(portrait.mentions.weights),
    }
    return max(sum(weight for name, weight in WEIGHTS.items() if tells[name]), sum(WEIGHTS.values()) / 2)


def _hashtags(portrait: Portrait, account: Account, contents: tuple[Content, ...]) -> LikenessPart | None:
    used = topic_hashtags(account.hashtags).union(*(topic_hashtags(content.hashtags) for content in contents))
    return _shared("hashtags", portrait.hashtags, used, "#")


def _topics(portrait: Portrait, account: Account, contents: tuple[Content, ...]) -> LikenessPart | None:
    used = topic_words((*_self_description(account), *(content.text for content in contents)))
    used |= topic_hashtags(account.hashtags).union(*(topic_hashtags(content.hashtags) for content in contents))
    return _shared("topics", portrait.words, used, "")


def _audience(portrait: Portrait, account: Account) -> LikenessPart | None:
    theirs, target = account.followers, portrait.account.followers
    if theirs is None or target is None:
        return None
    decades = abs(log10(max(1, theirs)) - log10(max(1, target)))
    return _part("audience", 1 - decades / AUDIENCE_DECADES, [f"{theirs:,} against {target:,}"])


def _spoken(portrait: Portrait, account: Account, contents: tuple[Content, ...]) -> LikenessPart | None:
    theirs, target = _language(account, contents), portrait.language
    if theirs is None or target is None:
        return None
    is_same = theirs == target
    return _part("language", float(is_same), [theirs if is_same else f"{theirs} against {target}"])


def _rhythm(portrait: Portrait, account: Account, now: datetime) -> LikenessPart | None:
    theirs, target = _posts_per_week(account, now), _posts_per_week(portrait.account, now)
    if theirs is None or target is None:
        return None
    doublings = abs(log2(max(POSTS_PER_WEEK_MIN, theirs)) - log2(max(POSTS_PER_WEEK_MIN, target)))
    return _part("rhythm", 1 - doublings / RHYTHM_DOUBLINGS, [f"{theirs:,.1f} a week against {target:,.1f}"])


def _mentions(portrait: Portrait, account: Account, contents: tuple[Content, ...]) -> LikenessPart | None:
    """Who mentions the other, or is mentioned by the other, is fully like in this."""
    handle = _handle(account)
    used = _handles(account.mentions).union(*(_handles(content.mentions) for content in contents)) - {handle}
    if handle != portrait.handle:
        direct = [
            evidence
            for evidence, is_so in (
                ("mentions the target", portrait.handle in used),
                ("is mentioned by the target", handle in portrait.mentions.weights),
            )
            if is_so
        ]
        if direct:
            return _part("mentions", 1.0, [*direct, *(f"@{name}" for name in _common(portrait.mentions, used))])
    return _shared("mentions", portrait.mentions, used, "@")


def _shared(name: str, target: Share, used: set[str], sign: str) -> LikenessPart | None:
    """The target's weight of what both use; None if either uses nothing, as far as is known."""
    if not target.weights or not used:
        return None
    common = _common(target, used)
    return _part(name, sum(target.weights[one] for one in common) / target.full, [f"{sign}{one}" for one in common])


def _common(target: Share, used: set[str]) -> list[str]:
    """What both use, what the target uses most first."""
    return sorted(used & target.weights.keys(), key=lambda one: (-target.weights[one], one))


def _part(name: str, value: float, evidence: Iterable[str]) -> LikenessPart:
    return LikenessPart(
        name=name,
        value=round(min(1.0, max(0.0, value)), 4),
        weight=WEIGHTS[name],
        evidence=tuple(one[:EVIDENCE_LENGTH_MAX] for one in evidence)[:EVIDENCE_COUNT_MAX],
    )


def _share(counts: Counter[str], count_max: int, count_full: int) -> Share:
    """Twice the use is one more in weight: the tenth post about bread says less than the second."""
    weights = {one: 1 + log2(count) for one, count in counts.items()}
    kept = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:count_max]
    return Share(MappingProxyType(dict(kept)), sum(weight for _, weight in kept[:count_full]))


def _self_description(account: Account) -> tuple[str | None, ...]:
    """Not the name: people share first names by chance."""
    return (account.bio, account.category, *account.topics)


def _handle(account: Account) -> str:
    return fold(account.handle).lstrip("@")


def _handles(names: Iterable[str]) -> set[str]:
    return {fold(name).lstrip("@") for name in names} - {""}


def _language(account: Account, contents: Iterable[Content]) -> str | None:
    """The primary subtag of the account's language, else of that in which most of the posts are."""
    told = [_primary(account.language)] if _primary(account.language) else [_primary(one.language) for one in contents]
    counts = Counter(language for language in told if language)
    return min(counts, key=lambda language: (-counts[language], language), default=None)


def _primary(language: str | None) -> str | None:
    primary = fold(language or "").replace("_", "-").partition("-")[0]
    return None if primary in _NO_LANGUAGES else primary


def _posts_per_week(account: Account, now: datetime) -> float | None:
    """As told, else the average since the account was made."""
    if account.posts_per_week is not None:
        return account.posts_per_week
    if account.posts is None or account.created_at is None or now - account.created_at < AGE_MIN:
        return None
    return account.posts / ((now - account.created_at) / _WEEK)
