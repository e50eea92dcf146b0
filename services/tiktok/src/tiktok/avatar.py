"""Which of an account's picture addresses to keep."""

from collections.abc import Iterable

from common.reading.link import web_url


def choose_avatar(urls: Iterable[str]) -> str | None:
    """The first JPEG of `urls` (best first), else the first WebP, else None.

    HEIC often comes first and no browser but Safari shows it. The format is judged by the path, and an extension is
    never rewritten: the addresses are signed.
    """
    webp: str | None = None
    for url in urls:
        path = url.partition("?")[0].lower()
        if path.endswith((".jpeg", ".jpg")) and web_url(url):
            return url
        if webp is None and path.endswith(".webp"):
            webp = web_url(url)
    return webp
