"""Cleaning the text of strangers: each kind of harm by example, and the laws that the database relies on."""

import json
from unicodedata import is_normalized

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.text import MARK_COUNT_MAX, TEXT_LENGTH_MAX, clean_text

TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cs", "Mn"]),
        st.sampled_from("a\r\n\t\0\x85\u0344\u0f73\u0301\u0323\u1100\u1161\u200d👍🏽\ud83d\ude00"),
    ),
    max_size=120,
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (None, None),
        ("", ""),
        ("tea & moss", "tea & moss"),
        ("a\0b", "ab"),
        ("a\nb\tc", "a\nb\tc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x01\x08\x0b\x0c\x1b[31m\x7f\x85\x9f", "[31m"),
        ("a\ud800b\udfff", "ab"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", ""),
        ("e\u0301", "é"),
        ("\u212b", "Å"),
        ("＠ ﷺ 𝗮", "＠ ﷺ 𝗮"),
        ("\u200bzero width\u200b", "\u200bzero width\u200b"),
        ("👩‍🎨👍🏽", "👩‍🎨👍🏽"),
    ],
)
def test_text_loses_what_cannot_be_kept_and_nothing_else(text: str | None, cleaned: str | None):
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(
    ("text", "length_max", "cleaned"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("abcd", 0, ""),
        ("😀😀😀", 2, "😀😀"),
        ("abx\u0323\u0307", 3, "ab"),
        ("abx\u0323\u0307", 4, "ab"),
        ("ab👩‍🎨", 3, "ab"),
        ("ab👩‍🎨", 4, "ab"),
        ("ab👍🏽", 3, "ab"),
        ("ab❤\ufe0f", 3, "ab"),
        ("\u0958\u0958", 2, "\u0915\u093c"),  # NFC makes two characters of each
    ],
)
def test_text_is_cut_between_letters_never_inside_one(text: str, length_max: int, cleaned: str):
    assert clean_text(text, length_max) == cleaned


def test_text_is_cut_at_ten_thousand_characters():
    assert clean_text("a" * 10_001) == "a" * TEXT_LENGTH_MAX == "a" * 10_000


def test_marks_beyond_any_language_are_dropped():
    cleaned = clean_text("q" + "\u0301\u0323" * 500_000 + "u")
    assert cleaned == "q" + "\u0323" * 15 + "\u0301" * 15
    assert len(cleaned) == 1 + MARK_COUNT_MAX
    assert len(cleaned) == 1 + MARK_COUNT_MAX
    assert clean_text("q" + "\u0344" * 30) == "q" + "\u0308\u0301" * 15  # NFC makes two marks of each


@given(TEXTS, st.integers(0, 100))
def test_cleaned_text_is_short_normal_and_storable_and_cleaning_it_again_changes_nothing(text: str, length_max: int):
    cleaned = clean_text(text, length_max)
    assert cleaned is not None
    assert len(cleaned) <= length_max
    assert is_normalized("NFC", cleaned)
    assert clean_text(cleaned, length_max) == cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert "\0" not in cleaned
    assert r"\u0000" not in json.dumps(cleaned).replace(r"\\", "")
