"""Text of callers becomes one tidy line, or is refused."""

import time
from unicodedata import category, is_normalized

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from gateway.text import clean_line


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
