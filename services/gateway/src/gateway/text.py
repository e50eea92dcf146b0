"""Text that callers send, in one normal form: NFC, blanks collapsed, nothing that cannot be seen or kept."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from unicodedata import category, normalize

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from common.domain.handle import TEXT_LENGTH_MAX as HANDLE_LENGTH_MAX

KEYWORD_LENGTH_MAX = 100
NAME_LENGTH_MAX = 200
TAG_LENGTH_MAX = 50
# Before NFC: composing marks takes quadratic time, and no text of a person shrinks to a quarter by it.
_RAW_FACTOR = 4

_UNSEEN = frozenset({"Cf", "Mn", "Me", "Zs"})
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z0-9]{1,8})*")
# Emoji that Unicode does not file under "other symbols", and what it files there and no one searches for: boxes, the
# blank Braille pattern, marks of what could not be read. The fillers of Hangul are letters that nobody sees.
_MORE_EMOJI = frozenset("‼⁉↔⤴⤵◽◾◻◼〰〽🏻🏼🏽🏾🏿")
_NO_EMOJI = frozenset(map(chr, (*range(0x2500, 0x25A0), 0x2800, 0xFFFC, 0xFFFD)))
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_HASHTAG_ENDS = re.compile(r"[\s#,，、،]")


def clean_line(text: str, length_max: int) -> str:
    """The text as one tidy line of 1 to `length_max` characters. Raises PydanticCustomError."""
    if len(text) > _RAW_FACTOR * length_max:
        raise _too_long(length_max)
    if any(category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise PydanticCustomError("control_character", "must not contain control characters or line breaks")
    line = normalize("NFC", " ".join(text.split()))
    if all(category(character) in _UNSEEN for character in line):
        raise PydanticCustomError("blank", "must not be empty")
    if len(line) > length_max:
        raise _too_long(length_max)
    return line


def _line(length_max: int) -> Callable[[str], str]:
    def clean(text: str) -> str:
        return clean_line(text, length_max)

    return clean


def _keyword(text: str) -> str:
    """The keyword; a hashtag is one word behind one `#`, blanks between the two mean nothing."""
    line = clean_line(text, KEYWORD_LENGTH_MAX)
    if not any(map(_is_searchable, line)):
        raise PydanticCustomError("keyword", "must have a letter, a digit or an emoji")
    if not line.startswith("#"):
        return line
    tag = line[1:].lstrip()
    if _HASHTAG_ENDS.search(tag):
        raise PydanticCustomError("hashtag", "must be one word: a hashtag has no blanks, commas or further # in it")
    return f"#{tag}"


def _is_searchable(character: str) -> bool:
    if character in _MORE_EMOJI:
        return True
    if character in _NO_EMOJI or character in _FILLERS:
        return False
    return category(character)[0] in "LN" or category(character) == "So"


def _handle(text: str) -> str:
    """Text from which a platform's rule reads a handle. Line breaks around it come with what is pasted."""
    return clean_line(" ".join(text.split()), HANDLE_LENGTH_MAX)


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise PydanticCustomError("country", "must be a country code of two letters")
    return text.upper()


def _language(text: str) -> str:
    """The primary subtag of a BCP 47 tag."""
    found = _LANGUAGE.fullmatch(text)
    if not found:
        raise PydanticCustomError("language", "must be a language code, like en or en-US")
    return found[1].lower()


def _too_long(length_max: int) -> PydanticCustomError:
    return PydanticCustomError("too_long", "must have at most {length_max} characters", {"length_max": length_max})


def _schema(description: str, **rules: Any) -> WithJsonSchema:
    """What a schema can say of such a text; lengths are those of its normal form."""
    return WithJsonSchema({"type": "string", **rules, "description": description})


Keyword = Annotated[
    str,
    AfterValidator(_keyword),
    _schema(
        "Words to search by, or one word behind `#`; it has a letter, a digit or an emoji.",
        minLength=1,
        maxLength=KEYWORD_LENGTH_MAX,
    ),
]
CampaignName = Annotated[
    str,
    AfterValidator(_line(NAME_LENGTH_MAX)),
    _schema("One line; blanks are collapsed.", minLength=1, maxLength=NAME_LENGTH_MAX),
]
Tag = Annotated[
    str,
    AfterValidator(_line(TAG_LENGTH_MAX)),
    _schema("One line; blanks are collapsed.", minLength=1, maxLength=TAG_LENGTH_MAX),
]
HandleText = Annotated[
    str,
    AfterValidator(_handle),
    _schema(
        "An account: its name, with or without `@`, or its page's address.", minLength=1, maxLength=HANDLE_LENGTH_MAX
    ),
]
Country = Annotated[
    str, AfterValidator(_country), _schema("A country, ISO 3166-1 alpha-2.", pattern=f"^{_COUNTRY.pattern}$")
]
Language = Annotated[
    str,
    AfterValidator(_language),
    _schema("A language, BCP 47; its primary subtag counts.", pattern=f"^{_LANGUAGE.pattern}$"),
]
