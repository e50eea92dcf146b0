"""The filters of a job as parameters of an address: the same words, the same values, the same meaning.

Those that name whom to leave out are for jobs alone: such lists are long, and who reads results can skip rows.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from common.domain.filter import Filters
from gateway.body import FiltersBody, read_body
from gateway.plan import filters_of

_NUMBER = re.compile(r"-?[0-9]{1,20}")
_TRUTHS: Mapping[str, bool] = {"true": True, "false": False}

# What JSON would hold. Text that means nothing stays text, which the body's model refuses by the parameter's name.
Value = str | int | bool | list[str]


def _number(text: str) -> Value:
    return int(text) if _NUMBER.fullmatch(text) else text


def _truth(text: str) -> Value:
    return _TRUTHS.get(text, text)


def _list(text: str) -> Value:
    return text.split(",")


def _word(text: str) -> Value:
    return text


_READERS: Mapping[str, Callable[[str], Value]] = {
    "followersMin": _number,
    "followersMax": _number,
    "hasEmail": _truth,
    "verified": _truth,
    "languages": _list,
    "countries": _list,
    "postedWithinDays": _number,
    "unknown": _word,
}
CRITERIA = frozenset(_READERS)


def read_criteria(parameters: Mapping[str, str]) -> Filters:
    """Whom the parameters ask for. Raises BodyError, which names the parameters as it names a body's fields."""
    document = {name: read(parameters[name]) for name, read in _READERS.items() if name in parameters}
    return filters_of(read_body(FiltersBody, msgspec.json.encode(document)))
