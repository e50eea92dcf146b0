"""The OpenAPI 3.1 document, made of the table."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from gateway.contract.header import ALWAYS
from gateway.contract.operation import JSON, TEXT, Answer, Content, Header, Link, Operation, Parameter
from gateway.contract.parameter import PATH
from gateway.contract.problem import (
    problem_examples,
    problem_headers,
    problem_responses,
    problem_schemas,
    response_to,
)
from gateway.contract.rule import problems_of
from gateway.contract.schema import reference, schemas_of
from gateway.contract.words import DESCRIPTION, TAGS, TITLE, VERSION

Node = dict[str, Any]

SCHEME = "bearer"
_PATH_NAME = re.compile(r"\{(\w+)\}")


def encode_document(operations: Sequence[Operation]) -> bytes:
    return msgspec.json.encode(build_document(operations))


def build_document(operations: Sequence[Operation]) -> Node:
    paths: dict[str, Node] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    used = {operation.tag for operation in operations}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items() if name in used],
        "security": [{SCHEME: []}],
        "paths": paths,
        "components": _components(operations),
    }


def parameters_of(operation: Operation) -> tuple[Parameter, ...]:
    """All of them: those of the path first."""
    named = {parameter.name: parameter for parameter in operation.parameters if parameter.where == "path"}
    path = [named.get(name) or PATH[name] for name in _PATH_NAME.findall(operation.path)]
    return (*path, *(parameter for parameter in operation.parameters if parameter.where != "path"))


def _components(operations: Sequence[Operation]) -> Node:
    answers = [answer for operation in operations for answer in operation.answers]
    contents = [content for answer in answers for content in answer.contents]
    headers = (*ALWAYS, *problem_headers(), *(header for answer in answers for header in answer.headers))
    return {
        "securitySchemes": {
            SCHEME: {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A session token of Clerk.",
            }
        },
        "schemas": problem_schemas()
        | schemas_of(
            (operation.body.model for operation in operations if operation.body),
            (content.model for content in contents if content.model),
        ),
        "headers": {header.name: _header(header) for header in sorted(headers, key=lambda header: header.name)},
        "examples": problem_examples(),
        "responses": problem_responses(),
    }


def _operation(operation: Operation) -> Node:
    node: Node = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": [_parameter(parameter) for parameter in parameters_of(operation)],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        examples = {name: {"value": value} for name, value in operation.body.examples.items()}
        content = {JSON: {"schema": reference(operation.body.model), "examples": examples}}
        node["requestBody"] = {"required": operation.body.is_required, "content": content}
    if operation.is_public:
        node["security"] = []
    return node


def _responses(operation: Operation) -> Node:
    found: Node = {str(answer.status): _answer(answer) for answer in operation.answers}
    for status, kinds in groupby(problems_of(operation), key=lambda kind: kind.status):
        # An answer of the row's own under this status says more: of a probe, 503 is no problem.
        found.setdefault(str(status), response_to(list(kinds)))
    return dict(sorted(found.items()))


def _answer(answer: Answer) -> Node:
    headers = (*ALWAYS, *answer.headers)
    node: Node = {
        "description": answer.description,
        "headers": {header.name: {"$ref": f"#/components/headers/{header.name}"} for header in headers},
    }
    if answer.contents:
        node["content"] = {content.media_type: _content(content) for content in answer.contents}
    if answer.links:
        node["links"] = {name: _link(link) for name, link in answer.links.items()}
    return node


def _content(content: Content) -> Node:
    given = TEXT if content.schema is None else content.schema
    schema = reference(content.model) if content.model else given
    return {"schema": schema} | _example(content.example)


def _link(link: Link) -> Node:
    node: Node = {"operationId": link.operation_id, "parameters": dict(link.parameters)}
    return node | ({"description": link.description} if link.description else {})


def _parameter(parameter: Parameter) -> Node:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "required": parameter.is_required or parameter.where == "path",
        "schema": parameter.schema,
    } | _example(parameter.example)


def _header(header: Header) -> Node:
    return {
        "description": header.description,
        "required": header.is_required,
        "schema": header.schema,
    } | _example(header.example)


def _example(example: Any) -> Node:
    return {} if example is None else {"example": example}
