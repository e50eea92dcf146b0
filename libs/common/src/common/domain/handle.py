"""What a platform takes for the name of an account, as data: the gateway, which knows no platform, reads it too."""

import re
from collections.abc import Sequence
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from common.domain.model import Model

TEXT_LENGTH_MAX = 300


class HandleError(ValueError):
    """The text names no account; the message says why."""


class HandleRule(Model):
    """How people write an account's name.

    `hosts` are those of the platform's pages, without `www.`. Each of `paths` is a regular expression that matches the
    whole path of an account's page (without a slash at its end), its group 1 is the name. `pattern` is one for a whole
    name. `is_lower`: case means nothing and is folded. `example` is shown when nothing fits. The expressions take
    linear time: no nested repeats.
    """

    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    pattern: str
    is_lower: bool
    example: str


def read_handle(text: str, rule: HandleRule) -> str:
    """The name that was meant by a name with or without `@`, capitals and blanks, or by a page's address.

    Raises HandleError.
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise HandleError(f"must have at most {TEXT_LENGTH_MAX} characters")
    line = "".join(normalize("NFC", text).split())
    if "/" in line:
        line = _from_address(line, rule.hosts, rule.paths)
    name = line.lstrip("@＠")
    if rule.is_lower:
        name = name.lower()
    if not re.fullmatch(rule.pattern, name):
        raise HandleError(f"must be the name of one account, like {rule.example}, or the address of its page")
    return name


def _from_address(line: str, hosts: Sequence[str], paths: Sequence[str]) -> str:
    if "://" not in line and not _host_of("https://" + line):
        return line
    address = line if "://" in line else "https://" + line
    host = _host_of(address)
    if host is None or urlsplit(address).scheme.lower() not in ("http", "https"):
        raise HandleError("must be a web address or the name of an account")
    if not any(host == one or host.endswith("." + one) for one in hosts):
        raise HandleError(f"must be an address at {hosts[0]}")
    path = unquote(urlsplit(address).path).rstrip("/")
    for pattern in paths:
        found = re.fullmatch(pattern, path, re.IGNORECASE)
        if found:
            return found[1]
    raise HandleError("must be the address of an account, not of something else")


def _host_of(address: str) -> str | None:
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    return host if host and "." in host else None
