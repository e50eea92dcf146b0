"""What of a text carries a topic."""

import re
from time import thread_time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.topic import GENERIC_HASHTAGS, STOP_WORDS, TEXT_LENGTH_MAX, fold, topic_hashtags, topic_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I bake Sourdough bread, and BREAD only!", "bake sourdough bread"),
        (
            "New recipes: https://ovens.studio/cakes hello@ovens.studio @mira_ovens #fyp #cakes www.pies.studio",
            "recipe",
        ),
        ("running shoes, glass, tennis", "running shoe glass tennis"),
        ("pan de masa madre con semillas", "pan masa madre semilla"),
        ("Хлеб на закваске и это всё", "хлеб закваске"),
        ("Ψωμί και ελιές από την Κρήτη", "ψωμί ελιές κρήτη"),
        ("خبز من المنزل", "خبز المنزل"),
        ("לחם מחמצת של סבתא", "לחם מחמצת סבתא"),
        ("घर का खाना", "घर खाना"),
        ("집에서 굽는 빵 요리", "집에서 굽는 요리"),
        ("毎日パンを焼く東京", "パン 毎日 東京"),
        ("天然酵母breadを焼く", "天然 然酵 酵母 bread"),
        ("🍞✨ 2026 10k 5", ""),
        ("", ""),
    ],
)
def test_topic_words_are_found_in_any_script(text: str, words: str) -> None:
    """Without what everybody writes, addresses, names, hashtags and numbers."""
    assert topic_words([text]) == {fold(word) for word in words.split()}


def test_no_text_has_no_words() -> None:
    assert topic_words([None, ""]) == topic_words([]) == set()


def test_only_the_beginning_of_a_text_is_read() -> None:
    assert topic_words(["." * TEXT_LENGTH_MAX + "bread"]) == set()


def test_generic_hashtags_are_no_topic() -> None:
    assert topic_hashtags(["FYP", "#ForYou", "keşfet", "おすすめ", "Sourdough", "#", ""]) == {"sourdough"}


def test_the_lists_hold_words_as_they_are_compared() -> None:
    for word in STOP_WORDS | GENERIC_HASHTAGS:
        assert fold(word) == word


@given(st.text(max_size=200))
def test_words_are_folded_and_the_same_for_every_spelling(text: str) -> None:
    words = topic_words([text])
    assert not words & STOP_WORDS
    assert all(re.search(r"\w|[\u0300-\u0fff]", word) and normalize("NFKC", word) for word in words)
    assert topic_words([fold(text)]) == topic_words([fold(fold(text))])


@pytest.mark.parametrize("piece", ["a", "a@", "a.", "@", "#", "www.", "https://", "अ", "パ", "漢", "a-"])
def test_no_text_takes_long(piece: str) -> None:
    """At most the bound of the text: a quadratic rule would take hundreds of milliseconds."""
    start = thread_time()
    topic_words([piece * TEXT_LENGTH_MAX])
    assert thread_time() - start < 0.1
