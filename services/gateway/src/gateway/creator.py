"""The one shape of a creator, as the API shows it: the stored document with camelCase names."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from msgspec import Meta
from pydantic.alias_generators import to_camel

from common.domain.creator import Creator

# The models' field names are few, and naming them anew took most of the time.
_name = cache(to_camel)

# What only its platform has stays under the platform's own names.
_NATIVE = "native"

# The document, as answers hold it; its schema is that of the model.
CreatorDocument = Annotated[Mapping[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/Creator"})]


def write_creator(creator: Creator) -> dict[str, Any]:
    """The document of version 1. Every key is always there, unknown is None, instants are in UTC."""
    return _camel(creator.model_dump())


def _camel(document: Mapping[str, Any]) -> dict[str, Any]:
    return {_name(key): value if key == _NATIVE else _shown(value) for key, value in document.items()}


def _shown(value: Any) -> Any:
    match value:
        case dict():
            return _camel(value)
        case tuple() | list():
            return [_shown(element) for element in value]
        case datetime():
            return value.astimezone(UTC)
        case _:
            return value
