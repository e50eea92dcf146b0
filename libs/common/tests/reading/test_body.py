"""The outermost values of a body: what is hostile costs no more memory than what is not."""

import tracemalloc
from typing import Any

import msgspec
import pytest

from common.errors import ShapeError
from common.reading.body import ESCAPES_MAX, ITEMS_MAX, VALUES_MAX, decoded, few, read_body
from common.reading.scalar import STRING_BYTES_MAX, read_count, read_flag, read_instant, read_string, read_text

pytestmark = pytest.mark.security

ANY = msgspec.json.Decoder(dict[str, msgspec.Raw])
MIB = 1024**2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (rb"cut \ud83d", "cut "),
        (rb"\udc00 and \ud83d\ude00", " and 😀"),
        (rb"\\ud83d", r"\ud83d"),
        (rb"\ud83d\ud83d\ude00", "😀"),
        (rb"\n\ud83dx\udfff\t", "\nx\t"),
    ],
)
def test_half_an_emoji_is_left_out_and_nothing_else(text: bytes, kept: str) -> None:
    found = read_body(ANY, b'{"a":"%s","b":1}' % text)
    assert (read_string(found["a"]), read_count(found["b"])) == (kept, 1)


def test_a_body_with_more_values_than_an_answer_can_have_is_refused_before_they_are_made() -> None:
    body = b'{"a":[0' + b",0" * (VALUES_MAX + 1) + b"]}"
    tracemalloc.start()
    with pytest.raises(ShapeError):
        read_body(msgspec.json.Decoder(dict[str, list[msgspec.Raw]]), body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MIB
    assert read_body(ANY, b'{"a":[0' + b",0" * (VALUES_MAX - 1) + b"]}")


@pytest.mark.parametrize("unit", [rb"\n", rb"\ud83d", rb"\ud83dab", rb"\\", b"\\"])
def test_escapes_cost_no_more_memory_than_the_body(unit: bytes) -> None:
    body = b'{"a":"' + unit * (2 * MIB // len(unit)) + b'"'  # without its end: every look fails
    tracemalloc.start()
    with pytest.raises(ShapeError):
        read_body(ANY, body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * len(body)


def test_of_very_many_escapes_half_an_emoji_is_not_found() -> None:
    with pytest.raises(ShapeError):
        read_body(ANY, b'{"a":"' + rb"\n" * ESCAPES_MAX + rb'\ud83d"}')


def test_a_page_lists_so_many_and_no_more() -> None:
    elements = [msgspec.Raw(b"{}")] * ITEMS_MAX
    assert few(elements) is elements
    with pytest.raises(ShapeError):
        few([*elements, msgspec.Raw(b"{}")])


@pytest.mark.parametrize("body", [b"[" * (8 * MIB), b'{"a":' * MIB, b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}"])
def test_however_deep_it_is_it_is_refused(body: bytes) -> None:
    with pytest.raises(ShapeError):
        read_body(ANY, body)


@pytest.mark.parametrize(
    "raw", [b"9" * 2_000_000, b"1e400", b"-1e400", b'"' + b"9" * 2_000_000 + b'"', b"NaN", b"1" * 400]
)
def test_numbers_of_any_size_are_unknown_at_once(raw: bytes) -> None:
    readers: tuple[Any, ...] = (read_count, read_flag, read_instant)
    assert {reader(msgspec.Raw(raw)) for reader in readers} == {None}


def test_a_string_of_more_than_a_mebibyte_is_unknown_and_a_shorter_one_is_cut() -> None:
    assert read_string(msgspec.Raw(b'"' + b"x" * STRING_BYTES_MAX + b'"')) is None
    text = read_text(msgspec.Raw(b'"' + b"x" * (STRING_BYTES_MAX - 2) + b'"'))
    assert text == "x" * 10_000


def test_the_last_of_two_members_of_one_name_counts() -> None:
    assert decoded(msgspec.json.Decoder(dict[str, int]), b'{"a":1,"a":2}') == {"a": 2}
