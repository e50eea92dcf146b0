"""Which fields of a document an answer carries: dotted paths, known from the document's shape, never from its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from common.errors import CallerError

FIELDS_MAX = 50


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a document by their names; a field without fields is a value. A list has the shape of its
    elements."""

    fields: "Mapping[str, Shape]" = field(default_factory=dict[str, "Shape"])


@dataclass(frozen=True, slots=True)
class Selection:
    """The fields that are asked for, each with those inside it; None: all of it."""

    fields: "Mapping[str, Selection | None]"

    def of(self, document: Any) -> Any:
        """The document with these fields only, in its own order. What is unknown stays null."""
        match document:
            case Mapping():
                chosen = ((name, value) for name, value in document.items() if name in self.fields)
                return {
                    name: value if (inner := self.fields[name]) is None else inner.of(value) for name, value in chosen
                }
            case list() | tuple():
                return [self.of(element) for element in document]
            case _:
                return document


def shape_of_answer(kind: type[msgspec.Struct], **inner: Shape) -> Shape:
    """The shape of an answer; `inner` are its fields that have fields."""
    names = [part.encode_name for part in msgspec.structs.fields(kind)]
    return Shape({name: inner.get(name, Shape()) for name in names})


def shape_of_model(kind: Any) -> Shape:
    """The shape of a model, or of what holds one, with camelCase names."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return Shape({to_camel(name): shape_of_model(part.annotation) for name, part in kind.model_fields.items()})
    inner = [shape for argument in get_args(kind) if (shape := shape_of_model(argument)).fields]
    return inner[0] if inner else Shape()


def read_fields(text: str | None, shape: Shape) -> Selection | None:
    """The parameter `fields`: paths with commas between them; None: everything. The wider of two paths wins."""
    if text is None:
        return None
    paths = text.split(",")
    if len(paths) > FIELDS_MAX:
        raise CallerError(f"must have at most {FIELDS_MAX} elements", pointer="/fields", code="too_long")
    return _selection([_parts(path, shape, index) for index, path in enumerate(paths)])


def _parts(path: str, shape: Shape, index: int) -> Sequence[str]:
    """The names of a path, each of which is there."""
    known: list[str] = []
    for name in path.split("."):
        if name not in shape.fields:
            place = ".".join(known) or "an item"
            names = ", ".join(sorted(shape.fields)) or "nothing that can be chosen"
            raise CallerError(f"is not a field; {place} has: {names}", pointer=f"/fields/{index}", code="unknown")
        known.append(name)
        shape = shape.fields[name]
    return known


def _selection(paths: Sequence[Sequence[str]]) -> Selection:
    inner: dict[str, list[Sequence[str]]] = {}
    for name, *rest in paths:
        inner.setdefault(name, []).append(rest)
    return Selection({name: _selection(rests) if all(rests) else None for name, rests in inner.items()})
