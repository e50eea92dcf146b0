"""A creator's document straight from what is stored, for pages of many: what is stored was checked when it was written,
and to make models of it again takes ten times as long as all that Postgres does for the page.

The shapes follow the models of common.domain.creator, field by field; what is not stored is as the model has it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel

from common.domain.creator import Creator

Struct = type[msgspec.Struct]


def _make_struct(model: type[BaseModel], rename: Literal["camel"] | None) -> Struct:
    """What holds the same as the model, under these names in JSON. Instants are in UTC."""
    instants = [name for name, field in model.model_fields.items() if datetime in _members(field.annotation)]
    return msgspec.defstruct(
        model.__name__,
        [_field_of(model, name, rename) for name in model.model_fields],
        rename=rename,
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
        namespace={"__post_init__": _to_utc(instants)} if instants else {},
    )


def _field_of(model: type[BaseModel], name: str, rename: Literal["camel"] | None) -> Any:
    field = model.model_fields[name]
    kind = _kind_of(field.annotation, rename)
    if field.is_required():
        return name, kind
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return name, kind, msgspec.field(default_factory=kind)
    if isinstance(default, dict):
        return name, kind, msgspec.field(default_factory=dict)
    return name, kind, default


def _kind_of(kind: Any, rename: Literal["camel"] | None) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _make_struct(kind, rename)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is dict:
        return dict[str, Any]
    if origin in (Union, UnionType):
        return Union[tuple(_kind_of(part, rename) for part in parts)]  # noqa: UP007 - of parts that are known now
    if origin is tuple:
        return tuple[_kind_of(parts[0], rename), ...]
    return kind


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) or (kind,)


def _to_utc(names: list[str]) -> Callable[[Any], None]:
    def settle(self: Any) -> None:
        for name in names:
            instant = getattr(self, name)
            if instant is not None and instant.tzinfo is not UTC:
                setattr(self, name, instant.astimezone(UTC))

    return settle


_SHOWN = _make_struct(Creator, "camel")
_STORED = msgspec.json.Decoder(_make_struct(Creator, None))
_ENCODER = msgspec.json.Encoder()


def write_stored(text: str) -> msgspec.Raw:
    """The document as `write_creator` makes it of the model. Raises msgspec.ValidationError if it is none of ours."""
    return msgspec.Raw(_ENCODER.encode(msgspec.convert(_STORED.decode(text), _SHOWN, from_attributes=True)))
