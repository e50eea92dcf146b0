"""Text of callers becomes one tidy line, or is refused."""

import time
from unicodedata import category, is_normalized

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from common.engine.plan import plan_keywords
from gateway.text import Keyword, Language, clean_line

KEYWORD: TypeAdapter[str] = TypeAdapter(Keyword)
LANGUAGE: TypeAdapter[str] = TypeAdapter(Language)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("vegan", "vegan"),
        ("  vegan \u00a0\u3000 food ", "vegan food"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("👩‍🍳 cook", "👩‍🍳 cook"),
        ("می‌خواهم", "می‌خواهم"),
        ("x" * 100, "x" * 100),
        ("e\u0301" * 100, "\u00e9" * 100),
        (" " * 150 + "x", "x"),
    ],
)
def test_blanks_are_collapsed_and_letters_composed(text: str, line: str) -> None:
    assert clean_line(text, 100) == line


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "blank"),
        (" \u00a0", "blank"),
        ("\u200b\u200d\ufeff", "blank"),
        ("\u0301", "blank"),
        ("a\u0000", "control_character"),
        ("a\tb", "control_character"),
        ("a\u2028b", "control_character"),
        ("a\ud800", "control_character"),
        ("x" * 101, "too_long"),
        ("x" * 10_000, "too_long"),
    ],
)
def test_what_cannot_be_seen_or_kept_is_refused(text: str, code: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        clean_line(text, 100)
    assert caught.value.type == code


@given(st.text(max_size=150))
def test_a_line_is_tidy_whatever_was_given(text: str) -> None:
    try:
        line = clean_line(text, 100)
    except PydanticCustomError:
        return
    assert 1 <= len(line) <= 100
    assert line == line.strip()
    assert "  " not in line
    assert is_normalized("NFC", line)
    assert not any(category(character) in ("Cc", "Cs", "Zl", "Zp") for character in line)
    line.encode()
    assert clean_line(line, 100) == line, "cleaning it again changes nothing"


def test_a_heap_of_marks_costs_no_time() -> None:
    """Composing it as it stands would take seconds of CPU: the work grows with the square."""
    began = time.process_time()
    with pytest.raises(PydanticCustomError):
        clean_line("a" + "\u0301\u0327" * 30_000, 100)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("vegan", "vegan"),
        ("C#", "C#"),
        ("vegan #food", "vegan #food"),
        ("soup, please!", "soup, please!"),
        ("7", "7"),
        ("٣", "٣"),
        ("ครัว", "ครัว"),
        ("日本", "日本"),
        ("🥦", "🥦"),
        ("👩‍🍳", "👩‍🍳"),
        ("‼️", "‼️"),
        ("🇩🇪", "🇩🇪"),
        ("#vegan", "#vegan"),
        ("# vegan", "#vegan"),
        (" #  vegan ", "#vegan"),
        ("#🥦", "#🥦"),
        ("#vegan_food", "#vegan_food"),
    ],
)
def test_a_keyword_has_something_to_search_for(text: str, keyword: str) -> None:
    assert KEYWORD.validate_python(text) == keyword


@pytest.mark.parametrize(
    "text", ["!!!", "#", "##", "...", "…", "—", "# !", "+", "$", "│", "\u2800", "\u3164", "\ufffd"]
)
def test_stops_alone_are_no_keyword(text: str) -> None:
    with pytest.raises(ValidationError, match="must have a letter, a digit or an emoji"):
        KEYWORD.validate_python(text)


@pytest.mark.parametrize(
    "text", ["#vegan food", "# vegan food", "#a,b", "#a、b", "#a،b", "#a#b", "##a", "#a #b", "#a,"]
)
def test_a_hashtag_is_one_word(text: str) -> None:
    with pytest.raises(ValidationError, match="must be one word"):
        KEYWORD.validate_python(text)


@given(st.text(max_size=30) | st.text("#ab ,!", max_size=8))
def test_every_keyword_is_one_search_of_its_kind(text: str) -> None:
    try:
        keyword = KEYWORD.validate_python(text)
    except ValidationError:
        return
    (search,) = plan_keywords([keyword])
    expected = ("hashtag", keyword[1:]) if keyword.startswith("#") else ("keyword", keyword)
    assert (search.kind, search.query) == expected
    assert KEYWORD.validate_python(keyword) == keyword


@pytest.mark.parametrize(
    ("text", "language"), [("en", "en"), ("EN", "en"), ("en-US", "en"), ("zh-Hant-TW", "zh"), ("fil", "fil")]
)
def test_a_language_is_its_primary_subtag(text: str, language: str) -> None:
    assert LANGUAGE.validate_python(text) == language


@pytest.mark.parametrize("text", ["", "e", "english", "en_US", "en-", "-en", " en", "ен", "en\n"])
def test_what_is_no_language_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="language code"):
        LANGUAGE.validate_python(text)
