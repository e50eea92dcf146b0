"""Which addresses leave the module, and in what form."""

import pytest

from common.reading.link import URL_LENGTH_MAX, completed_url, web_url, without_query


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("linkin.example/mira", "https://linkin.example/mira"),
        ("  linkin.example ", "https://linkin.example"),
        ("//linkin.example", "https://linkin.example"),
        ("linkin.example:8080/x", "https://linkin.example:8080/x"),
        ("http://linkin.example/?a=1", "http://linkin.example/?a=1"),
        ("HTTPS://linkin.example", "HTTPS://linkin.example"),
        ("bücher.example", "https://bücher.example"),
    ],
)
def test_a_typed_link_gets_a_scheme_if_it_has_none(typed: str, url: str) -> None:
    """And stays as it was otherwise."""
    assert completed_url(typed) == url


@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        "   ",
        "javascript:alert(1)",
        "javascript://linkin.example/%0aalert(1)",
        "data:text/html,a.b",
        "mailto:a@linkin.example",
        "tel:+44",
        "ftp://linkin.example",
        "https://user:pass@linkin.example",
        "just words",
        "localhost",
        "https://[::1",
        "https://linkin.example:99999",
        "https://linkin.example/a\nb",
        "https://linkin.example/\ud83d",
        "https://linkin.example/" + "x" * URL_LENGTH_MAX,
    ],
)
def test_what_is_no_web_address_is_refused(typed: str | None) -> None:
    """Only http and https lead anywhere from a page of ours."""
    assert completed_url(typed) is None


def test_a_signed_address_is_not_rewritten() -> None:
    """Its query is a signature."""
    url = "https://p16.tiktokcdn.com/a.jpeg?x-signature=DEMO%3D"
    assert web_url(url) == url


def test_an_address_loses_query_and_fragment() -> None:
    """They carry tracking."""
    assert without_query("https://www.tiktok.com/@a/video/1?_r=1&u_code=x#top") == "https://www.tiktok.com/@a/video/1"
    assert without_query("https://www.tiktok.com/@a/video/1#top") == "https://www.tiktok.com/@a/video/1"
    assert without_query("?_r=1") is None
    assert without_query(None) is None
