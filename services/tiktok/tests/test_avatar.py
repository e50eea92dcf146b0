"""Which picture is kept."""

import pytest

from tiktok.avatar import choose_avatar

HOST = "https://p16-common-sign.tiktokcdn.com/a~tplv"


@pytest.mark.parametrize("extension", [".jpeg", ".jpg", ".JPEG"])
def test_a_jpeg_wins_over_all_that_come_before_it(extension: str) -> None:
    """Also over a larger WebP."""
    urls = [f"{HOST}1.heic?s=1", f"{HOST}1.webp?s=1", f"{HOST}2{extension}?s=1"]
    assert choose_avatar(urls) == f"{HOST}2{extension}?s=1"


def test_the_first_webp_is_kept_if_there_is_no_jpeg() -> None:
    """The first is the largest."""
    assert choose_avatar([f"{HOST}1.heic", f"{HOST}1.webp", f"{HOST}2.webp"]) == f"{HOST}1.webp"


def test_only_heic_is_no_picture() -> None:
    """Its extension is not rewritten either: the address is signed."""
    assert choose_avatar([f"{HOST}1.heic?s=1", f"{HOST}1.heic?s=.jpeg"]) is None


def test_no_addresses_are_no_picture() -> None:
    """None, not an empty string."""
    assert choose_avatar([]) is None


@pytest.mark.parametrize(
    "url", ["javascript:a.jpeg", "/a.jpeg", "a.jpeg", "https://a b.example/a.jpeg", "https:///a.webp"]
)
def test_what_is_no_web_address_is_no_picture(url: str) -> None:
    """It ends in a page's image tag."""
    assert choose_avatar([url]) is None
