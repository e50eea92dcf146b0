"""Schemas of what is sent and answered, from the models that read and write it: JSON Schema 2020-12 under stable names.

An answer is named like its struct without `Answer`, a body like its model. Unknown is null, so a value that may be
unknown has the types [its own, "null"].
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema

from common.domain.creator import Creator
from gateway.answer.document import Answer
from gateway.body import FiltersBody

REFERENCE = "#/components/schemas/{name}"
NULL = {"type": "null"}

_MAPS = ("properties", "patternProperties")
_SINGLES = ("items", "additionalProperties", "propertyNames", "not")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SNAKE = re.compile(r"`([a-z]+(?:_[a-z]+)+)`")

Node = dict[str, Any]


def schemas_of(bodies: Iterable[type[BaseModel]], answers: Iterable[type[Answer]]) -> dict[str, Node]:
    """Every schema that these models and the documents inside them need, tidied. Raises ValueError if two that differ
    have one name."""
    found: dict[str, Node] = {}
    for given in (_of_bodies({FiltersBody, *bodies}), _of_creator(), _of_answers(set(answers))):
        for name, schema in given.items():
            tidied = _rewritten(schema, _tidy)
            if found.setdefault(name, tidied) != tidied:
                raise ValueError(f"two schemas are named {name}")
    names = {key for schema in found.values() for key in schema.get("properties", {})}
    return {name: _rewritten(found[name], _spoken(names)) for name in sorted(found)}


def name_of(model: type[Any]) -> str:
    return model.__name__.removesuffix("Answer") or "Answer"


def reference(model: type[Any]) -> Node:
    return {"$ref": REFERENCE.format(name=name_of(model))}


def _of_bodies(models: Iterable[type[BaseModel]]) -> dict[str, Node]:
    ordered = sorted(models, key=name_of)
    _, whole = models_json_schema(
        [(model, "validation") for model in ordered], by_alias=True, ref_template=REFERENCE.replace("name", "model")
    )
    return whole["$defs"]


def _of_creator() -> dict[str, Node]:
    """As `gateway.creator` writes it: every key is there, in camelCase."""
    _, whole = models_json_schema([(Creator, "serialization")], ref_template=REFERENCE.replace("name", "model"))
    return {name: _rewritten(schema, _camel) for name, schema in whole["$defs"].items()}


def _of_answers(models: Iterable[type[Answer]]) -> dict[str, Node]:
    ordered = sorted(models, key=name_of)
    _, found = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    _mark_instants(found, ordered)
    names = {name: name.removesuffix("Answer") or name for name in found}

    def renamed(schema: Node) -> Node:
        if "$ref" not in schema:
            return schema
        name = schema["$ref"].rpartition("/")[2]
        return {**schema, "$ref": REFERENCE.format(name=names.get(name, name))}

    return {names[name]: _rewritten(schema, renamed) for name, schema in found.items()}


def _mark_instants(found: Mapping[str, Node], models: Iterable[type[Answer]]) -> None:
    """msgspec says `date-time` only of instants that it would refuse without a zone; all of ours have one."""
    todo: list[Any] = [msgspec.inspect.type_info(model) for model in models]
    done: set[type[Any]] = set()
    while todo:
        match todo.pop():
            case msgspec.inspect.StructType(cls=cls, fields=fields) if cls not in done:
                done.add(cls)
                properties = found[cls.__name__]["properties"]
                for field in fields:
                    todo.append(field.type)
                    if _is_instant(field.type):
                        properties[field.encode_name] = _rewritten(properties[field.encode_name], _instant)
            case msgspec.inspect.UnionType(types=types):
                todo.extend(types)
            case msgspec.inspect.DictType(value_type=inner) | msgspec.inspect.CollectionType(item_type=inner):
                todo.append(inner)
            case _:
                pass


def _is_instant(kind: Any) -> bool:
    if isinstance(kind, msgspec.inspect.UnionType):
        return any(map(_is_instant, kind.types))
    return isinstance(kind, msgspec.inspect.DateTimeType)


def _instant(schema: Node) -> Node:
    return {**schema, "format": "date-time"} if schema.get("type") == "string" else schema


def _rewritten(schema: Node, rewrite: Callable[[Node], Node]) -> Node:
    """The schema with every schema inside it rewritten, the innermost first."""
    result = dict(schema)
    for key in _MAPS:
        if key in result:
            result[key] = {name: _rewritten(inner, rewrite) for name, inner in result[key].items()}
    for key in _SINGLES:
        if isinstance(result.get(key), dict):
            result[key] = _rewritten(result[key], rewrite)
    for key in _LISTS:
        if key in result:
            result[key] = [_rewritten(inner, rewrite) for inner in result[key]]
    return rewrite(result)


def _tidy(schema: Node) -> Node:
    """Without the names that generators make up, and with the null of what may be unknown among its types."""
    result = {key: value for key, value in schema.items() if key != "title"}
    if result.get("default", ...) is None:
        del result["default"]
    if "$ref" in result:
        return {key: value for key, value in result.items() if key in ("$ref", "description", "default")}
    if "enum" in result and all(isinstance(value, str) for value in result["enum"]):
        result["type"] = "string"
        result["enum"] = sorted(result["enum"])  # one generator sorts them, the other does not
    return _merged(result)


def _merged(schema: Node) -> Node:
    options = schema.get("anyOf", [])
    known = [option for option in options if option != NULL]
    if len(known) != 1 or len(options) != 2 or not isinstance(known[0].get("type"), str):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if "enum" in known[0]:
        rest["enum"] = [*known[0]["enum"], None]
    return {**known[0], "type": [known[0]["type"], "null"], **rest}


def _camel(schema: Node) -> Node:
    result = dict(schema)
    if "properties" in result:
        result["properties"] = {to_camel(name): inner for name, inner in result["properties"].items()}
        result["required"] = list(result["properties"])
        # We may add keys to what we answer; clients ignore those that they do not know.
        del result["additionalProperties"]
    result.pop("default", None)
    return result


def _spoken(names: set[str]) -> Callable[[Node], Node]:
    """Docstrings speak of fields and of null by their names in Python."""

    def speak(match: re.Match[str]) -> str:
        name = to_camel(match[1])
        return f"`{name}`" if name in names else match[0]

    def rewrite(schema: Node) -> Node:
        if "description" not in schema:
            return schema
        text = inspect.cleandoc(schema["description"])
        return {**schema, "description": _SNAKE.sub(speak, text).replace("None", "null")}

    return rewrite
