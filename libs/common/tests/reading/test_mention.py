"""How mentions are read and counted."""

from time import thread_time

import pytest

from common.reading.mention import MENTION_COUNT_MAX, unique_mentions, written_mentions


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("with @mira.ovens and @Juno_T!", ["mira.ovens", "Juno_T"]),
        ("so good @mira.ovens.", ["mira.ovens"]),
        ("＠mira、@juno", ["mira", "juno"]),
        ("パン@miraと", []),
        ("(@mira) 🍞@juno🍞", ["mira", "juno"]),
        ("hello@ovens.studio, @mira@mastodon.social, @@mira, @ mira, a@b", []),
        ("", []),
        (None, []),
    ],
)
def test_mentions_are_found_in_a_text(text: str | None, mentions: list[str]) -> None:
    """Not in addresses."""
    assert written_mentions(text) == mentions


def test_a_mention_counts_once_whatever_its_case() -> None:
    """With or without its sign."""
    assert unique_mentions(["@Mira", "mira", "＠MIRA", " juno ", "@", "", None]) == ("mira", "juno")


def test_mentions_are_bounded() -> None:
    assert len(unique_mentions(str(number) for number in range(1000))) == MENTION_COUNT_MAX


@pytest.mark.parametrize("piece", ["@", "a@", "@a", "@a.", "."])
def test_no_text_takes_long(piece: str) -> None:
    """A quadratic rule would take seconds."""
    text = piece * 100_000
    start = thread_time()
    written_mentions(text)
    assert thread_time() - start < 0.5
