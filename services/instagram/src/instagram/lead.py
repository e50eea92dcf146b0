"""What to search for to find accounts like one: how it files itself, and the words that its bio and hashtags share."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from common.domain.creator import Account, Content
from common.domain.topic import GENERIC_HASHTAGS, fold, topic_hashtags, topic_words

SEARCH_COUNT_MAX: Final = 4
QUERY_LENGTH_MAX: Final = 100

BIO_WEIGHT: Final = 2
"""A word of the bio counts as two posts: it is chosen once and meant for long."""

# Under these anybody files himself.
GENERIC_CATEGORIES: Final = frozenset(
    {
        "digital creator", "personal blog", "public figure", "just for fun", "video creator", "blogger", "entrepreneur",
        "product/service", "community", "content creator", "creators & celebrities", "reel creator", "personal page",
        "local business", "general interest", "not a business",
    }
)  # fmt: skip


def telling_queries(account: Account, contents: Sequence[Content]) -> list[str]:
    """At most four: the category, then words of the bio and hashtags, the most used first. None holds another, and none
    is the account's own name, which would find itself."""
    chosen: list[str] = []
    for query in map(str.strip, _candidates(account, contents)):  # folding may put a blank in front
        folded = fold(query)
        has_overlap = any(folded in fold(one) or fold(one) in folded for one in chosen)
        if not has_overlap and not _is_name_of(account, folded):
            chosen.append(query)
        if len(chosen) == SEARCH_COUNT_MAX:
            break
    return chosen


def _candidates(account: Account, contents: Sequence[Content]) -> Iterator[str]:
    category = (account.category or "").strip()
    if fold(category) not in GENERIC_CATEGORIES and _is_telling(category):
        yield category
    bio = fold(account.bio or "")
    in_bio = topic_words([bio])
    uses = Counter(dict.fromkeys(sorted(in_bio, key=lambda word: (bio.find(word), word)), BIO_WEIGHT))
    for content in contents:
        uses.update(sorted(topic_hashtags(content.hashtags) | (topic_words([content.text]) & in_bio)))
    yield from (word for word, _ in uses.most_common() if _is_telling(word) and word not in GENERIC_HASHTAGS)


def _is_telling(text: str) -> bool:
    """Whether it can be searched for: a few letters, not too many."""
    letters = [character for character in text if character.isalpha()]
    return len(text) <= QUERY_LENGTH_MAX and len(letters) >= (3 if text.isascii() else 2)


def _is_name_of(account: Account, folded: str) -> bool:
    """Whether it is the whole name or holds the handle; one word of either may well be the subject."""
    bare, handle = _letters(folded), _letters(account.handle)
    return bare == _letters(account.name or "") or (bool(handle) and handle in bare)


def _letters(text: str) -> str:
    return "".join(character for character in fold(text) if character.isalpha())
