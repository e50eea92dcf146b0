"""How hashtags are read and counted."""

import pytest

from common.reading.hashtag import HASHTAG_COUNT_MAX, HASHTAG_LENGTH_MAX, unique_hashtags, written_hashtags


@pytest.mark.parametrize(
    ("text", "hashtags"),
    [
        ("#a #b", ["a", "b"]),
        ("#a#b", ["a", "b"]),
        ("so good! #Bread_Tok, #2026.", ["Bread_Tok", "2026"]),
        ("#खाना and #café and #パン。", ["खाना", "café", "パン"]),
        ("#🍞bread", ["🍞bread"]),
        ("＃パン", ["パン"]),
        ("R&#39;s, https://a.example/#top, # alone, a C# course", []),
        ("", []),
        (None, []),
    ],
)
def test_hashtags_are_found_in_a_text(text: str | None, hashtags: list[str]) -> None:
    """In any script, up to a blank or punctuation."""
    assert written_hashtags(text) == hashtags


def test_a_hashtag_counts_once_whatever_its_case() -> None:
    """As first written."""
    assert unique_hashtags(["Straße", "STRASSE", "#bread", "Bread", " ", "#", None]) == ("Straße", "bread")


def test_hashtags_are_bounded() -> None:
    """In number and in length."""
    assert len(unique_hashtags(str(number) for number in range(1000))) == HASHTAG_COUNT_MAX
    assert unique_hashtags(["x" * (HASHTAG_LENGTH_MAX + 1), "y"]) == ("y",)
