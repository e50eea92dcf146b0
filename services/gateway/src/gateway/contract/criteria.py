"""The filters of a job as parameters of an address."""

from collections.abc import Sequence
from typing import Any

from gateway.body import COUNTRIES_MAX, DAYS_MAX, FOLLOWERS_MAX, LANGUAGES_MAX
from gateway.contract.operation import Parameter

_FOLLOWERS = {"type": "integer", "minimum": 0, "maximum": FOLLOWERS_MAX}


def _filter(name: str, description: str, schema: dict[str, Any], example: Any) -> Parameter:
    return Parameter(name=name, where="query", description=description, schema=schema, example=example)


CRITERIA: Sequence[Parameter] = (
    _filter("followersMin", "Who has at least so many followers.", _FOLLOWERS, 1000),
    _filter("followersMax", "Who has at most so many followers; not below `followersMin`.", _FOLLOWERS, 500_000),
    _filter("hasEmail", "Who shows an e-mail address, or none.", {"type": "boolean"}, True),
    _filter("verified", "Who is verified, or is not.", {"type": "boolean"}, False),
    _filter(
        "languages",
        f"Whose language is one of these: at most {LANGUAGES_MAX} codes with commas; `en-US` means `en`.",
        {"type": "string"},
        "en,de",
    ),
    _filter(
        "countries",
        f"Whose country is one of these: at most {COUNTRIES_MAX} codes of two letters with commas.",
        {"type": "string"},
        "DE,AT",
    ),
    _filter(
        "postedWithinDays",
        "Who posted within so many days.",
        {"type": "integer", "minimum": 1, "maximum": DAYS_MAX},
        30,
    ),
    _filter(
        "unknown",
        "What becomes of those of whom a filter's value is unknown.",
        {"type": "string", "enum": ["keep", "drop"], "default": "keep"},
        "drop",
    ),
)
