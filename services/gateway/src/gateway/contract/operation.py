"""The words in which an operation is described."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from common.domain.model import CamelModel
from gateway.answer import document
from gateway.problem import Kind

Schema = Mapping[str, Any]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

JSON = "application/json"
TEXT: Schema = {"type": "string"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    where: Literal["path", "query", "header"]
    description: str
    schema: Schema = field(default_factory=lambda: TEXT)
    is_required: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header of an answer. `is_required`: it is always there."""

    name: str
    description: str
    schema: Schema = field(default_factory=lambda: TEXT)
    is_required: bool = True
    example: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """JSON that the caller sends; each example has a name."""

    model: type[CamelModel]
    examples: Mapping[str, Any]
    is_required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One form of an answer: a struct's, a schema's, or (neither given) text."""

    media_type: str
    model: type[document.Answer] | None = None
    schema: Schema | None = None
    example: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What can be asked next: parameters of another operation, as runtime expressions (`$response.body#/id`)."""

    operation_id: str
    parameters: Mapping[str, str]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no problem. No contents: it has no body."""

    status: int
    description: str
    contents: Sequence[Content] = ()
    headers: Sequence[Header] = ()
    links: Mapping[str, Link] = field(default_factory=dict[str, Link])


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of a path. `problems` are those beyond what follows from its form (`contract.rule`)."""

    method: Method
    path: str
    id: str
    tag: str
    summary: str
    description: str
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    answers: Sequence[Answer]
    problems: Sequence[Kind] = ()
    is_public: bool = False


def json_of(model: type[document.Answer], example: Any) -> Content:
    """The struct as JSON."""
    return Content(media_type=JSON, model=model, example=example)
