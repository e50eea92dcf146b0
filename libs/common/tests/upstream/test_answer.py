"""What an answer means and costs, on bodies that lack keys or lie."""

from datetime import UTC, datetime, timedelta

import pytest

from common.errors import RefusedRequestError, ShapeError
from common.upstream.answer import Answer, charged, fault, retry_after, seen_at

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def answer(status: int, body: bytes) -> Answer:
    return Answer(status=status, body=body, retry_after=None, milliseconds=1, bytes_on_wire=len(body))


@pytest.mark.parametrize(
    ("status", "body", "cost"),
    [
        (200, b'{"credits_charged": 1}', 1),
        (200, b'{"credits_charged": 0, "cached": true}', 0),
        (200, b'{"credits_charged": 26}', 26),
        (200, b"{}", 1),  # captures before July 2026 lack the key
        (200, b'{"credits_charged": null}', 1),
        (200, b'{"credits_charged": true}', 1),
        (200, b'{"credits_charged": -5}', 1),
        (200, b"[]", 1),
        (200, b"<html>", 1),
        (404, b'{"success": true, "credits_charged": 1}', 1),  # a YouTube channel that is not there costs
        (404, b'{"success": false, "credits_charged": 0}', 0),
        (500, b"oops", 0),
        (401, b'{"success": false, "message": "Invalid API key"}', 0),
    ],
)
def test_an_answer_costs_what_it_says_else_the_price_of_a_200(status: int, body: bytes, cost: int) -> None:
    assert charged(answer(status, body), price=1) == cost


@pytest.mark.security
def test_half_an_emoji_somewhere_in_a_page_is_not_the_pages_fault() -> None:
    """JavaScript cuts inside of one, and sends the half as an escape."""
    page = answer(200, b'{"success":true,"credits_charged":2,"x":[{"desc":"cut \\ud83d"}]}')
    assert fault(page) is None
    assert charged(page, price=1) == 2
    assert isinstance(fault(answer(200, b'{"success":false,"x":"\\ud83d"}')), ShapeError)


@pytest.mark.security
@pytest.mark.parametrize("said", [b"[" + b"{}," * 9 + b"{}]", b'"' + b"9" * 200 + b'"', b"9" * 200, b'{"a":1}', b"1e3"])
def test_what_the_envelope_says_counts_only_if_it_is_what_it_should_be(said: bytes) -> None:
    body = b'{"success":%s,"credits_charged":%s,"cached_at":%s}' % (said, said, said)
    assert fault(answer(200, body)) is None
    assert charged(answer(200, body), price=1) == 1
    assert seen_at(answer(200, body), now=NOW) is None


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b'{"cached": true, "cached_at": "2026-11-20T08:00:00.000Z"}', datetime(2026, 11, 20, 8, tzinfo=UTC)),
        (b'{"cached_at": "2026-11-20T08:00:00"}', datetime(2026, 11, 20, 8, tzinfo=UTC)),
        (b'{"cached_at": "2026-11-24T12:00:00Z"}', NOW),
        (b'{"cached_at": "2026-11-24T13:30:00+02:00"}', NOW - timedelta(minutes=30)),
        (b'{"cached_at": "2026-11-24T12:00:01Z"}', None),  # their clock is ahead of ours
        (b'{"cached_at": "2026-11-24T12:00:01"}', None),
        (b'{"cached_at": "last week"}', None),
        (b'{"cached_at": 1790000000}', None),
        (b"{}", None),
        (b"<html>", None),
    ],
)
def test_an_answer_from_the_upstreams_cache_says_how_old_it_is(body: bytes, at: datetime | None) -> None:
    assert seen_at(answer(200, body), now=NOW) == at


def test_a_200_that_says_that_it_failed_is_no_answer() -> None:
    assert isinstance(fault(answer(200, b'{"success": false}')), ShapeError)
    assert fault(answer(200, b'{"success": true}')) is None
    assert fault(answer(200, b'{"users": []}')) is None


@pytest.mark.parametrize("status", [204, 301, 302, 400, 403, 422])
def test_what_the_upstream_refuses_is_not_repeated(status: int) -> None:
    wrong = fault(answer(status, b"{}"))
    assert isinstance(wrong, RefusedRequestError)
    assert wrong.status == status


def test_ninety_thousand_brackets_are_no_answer() -> None:
    assert isinstance(fault(answer(200, b'{"a": ' + b"[" * 90_000)), ShapeError)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("17", timedelta(seconds=17)),
        ("0", timedelta(0)),
        ("999999999999999999999", timedelta(days=1)),
        ("Tue, 24 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Tue, 24 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: timedelta | None) -> None:
    assert retry_after(value, now=NOW) == expected
