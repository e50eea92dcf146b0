"""The words under which a channel files itself."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Raw

from common.reading.body import decoded
from common.reading.scalar import read_text
from youtube.model import ELEMENTS

TOPIC_COUNT_MAX: Final = 50
TOPIC_LENGTH_MAX: Final = 100

# Owners type several words as one in quotes; the vendor splits some of them apart, so that a half has one quote.
_QUOTES: Final = re.compile('["“”„«»]')


def read_topics(tags: Raw, keywords: Raw) -> tuple[str, ...]:
    """Those of the tags (a text with commas) and the keywords, without quotes and `#`, each once whatever its case."""
    spellings: dict[str, str] = {}
    for written in (*(read_text(tags) or "").split(","), *_keywords(keywords)):
        topic = " ".join(_QUOTES.sub(" ", written).split()).lstrip("#＃")
        if topic and len(topic) <= TOPIC_LENGTH_MAX:
            spellings.setdefault(topic.casefold(), topic)
    return tuple(spellings.values())[:TOPIC_COUNT_MAX]


def _keywords(raw: Raw) -> Iterator[str]:
    for element in decoded(ELEMENTS, raw) or ():
        yield read_text(element) or ""
