"""A post's hashtags: as written, without `#`, each once whatever its case."""

import re
from collections.abc import Iterable
from typing import Final

HASHTAG_COUNT_MAX: Final = 100
HASHTAG_LENGTH_MAX: Final = 150

# Up to a blank, another # or @, or punctuation other than _; so letters with combining marks and emoji stay whole.
# A # behind & or / belongs to an HTML entity or an address.
_WRITTEN = re.compile(r"(?<![&/])[#＃]([^\s!-/:-@\[-^`{-~＃…“”‘’«»、。！？，：；（）]+)")


def unique_hashtags(names: Iterable[str | None]) -> tuple[str, ...]:
    """The first spelling of each name in the order given."""
    spellings: dict[str, str] = {}
    for name in names:
        bare = (name or "").strip().lstrip("#＃")
        if bare and len(bare) <= HASHTAG_LENGTH_MAX:
            spellings.setdefault(bare.casefold(), bare)
        if len(spellings) == HASHTAG_COUNT_MAX:
            break
    return tuple(spellings.values())


def written_hashtags(text: str | None) -> list[str]:
    """The hashtags that a text contains."""
    return _WRITTEN.findall(text or "")
