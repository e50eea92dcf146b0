"""Problems in the document: one schema, and for each kind an example and a response."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from gateway.contract.header import ALLOW, ALWAYS, AUTHENTICATE, REQUEST_ID, RETRY_AFTER
from gateway.contract.operation import Header
from gateway.problem import MEDIA_TYPE, Kind

Node = dict[str, Any]

SCHEMA = "Problem"
_REFERENCE = {"$ref": f"#/components/schemas/{SCHEMA}"}
_OWN_HEADERS: Mapping[Kind, tuple[Header, ...]] = {
    Kind.UNAUTHENTICATED: (AUTHENTICATE,),
    Kind.METHOD: (ALLOW,),
    Kind.STREAMS: (RETRY_AFTER,),
    Kind.QUOTA: (RETRY_AFTER,),
    Kind.RATE_LIMITED: (RETRY_AFTER,),
    Kind.KEY_IN_FLIGHT: (RETRY_AFTER,),
    Kind.EXPORTS: (RETRY_AFTER,),
    Kind.UNAVAILABLE: (RETRY_AFTER,),
    Kind.CREDITS_USED_UP: (RETRY_AFTER,),
    Kind.PLATFORM_NOT_STARTED: (RETRY_AFTER,),
}
_DETAILS: Mapping[Kind, str] = {
    Kind.MALFORMED: "The body is not valid JSON in UTF-8.",
    Kind.UNAUTHENTICATED: "Send a valid session token as a bearer token.",
    Kind.IMPERSONATED: "An impersonated session may read but not change anything.",
    Kind.FORBIDDEN: "Only administrators may use this address.",
    Kind.NOT_FOUND: "Nothing was found at this address.",
    Kind.METHOD: "This address does not know this method; the header Allow lists those that it knows.",
    Kind.TOO_LARGE: "The body is larger than 64 KiB.",
    Kind.MEDIA_TYPE: "Send the body as application/json.",
    Kind.VALIDATION: "targetResults must be at most 10000",
    Kind.UNSUPPORTED: "YouTube jobs cannot be filtered by languages.",
    Kind.STREAMS: "At most 30 event streams of one user may be open at once.",
    Kind.QUOTA: "This job would exceed the credits that your jobs may use today (UTC).",
    Kind.RATE_LIMITED: "Your requests of this minute are used up: 3000 are allowed.",
    Kind.EXPORTS: "At most 2 of your exports run at once; wait for one to end.",
    Kind.INTERNAL: "Something went wrong on our side; give us the instance.",
    Kind.UNAVAILABLE: "The database cannot be reached just now; try again in a moment.",
    Kind.CREDITS_USED_UP: "What all jobs together may spend today (UTC) does not cover this job; try again tomorrow.",
    Kind.PLATFORM_NOT_STARTED: "No worker of this platform has started yet; try again in a moment.",
}
_FAULTS: Mapping[Kind, Sequence[Mapping[str, str]]] = {
    Kind.VALIDATION: [{"pointer": "/targetResults", "code": "less_than_equal", "message": "must be at most 10000"}],
    Kind.UNSUPPORTED: [
        {
            "pointer": "/filters/languages",
            "code": "unsupported",
            "message": "is a filter that YouTube does not support",
        }
    ],
}


def problem_schemas() -> dict[str, Node]:
    text = {"type": "string"}
    fault: Node = {
        "type": "object",
        "description": "One thing that is wrong with the request.",
        "properties": {
            "pointer": {
                **text,
                "description": "A JSON pointer into the body, or `/` and the name of a parameter of the query.",
            },
            "code": {**text, "description": "What is wrong, for programs."},
            "message": {**text, "description": "What is wrong, for people; it follows the field's name."},
        },
        "required": ["pointer", "code", "message"],
    }
    problem: Node = {
        "type": "object",
        "description": "Why a request was not done, after RFC 9457. Nothing of what was sent stands in it.",
        "properties": {
            "type": {**text, "enum": [kind.type for kind in Kind], "description": "What went wrong, for programs."},
            "title": {**text, "description": "The same for people, always in the same words."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "detail": {**text, "description": "What to do about it."},
            "instance": {**text, "description": "The id of the request, as in `X-Request-Id`."},
            "errors": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Fault"},
                "description": "What is wrong with which field, if fields are.",
            },
            "error": {**text, "description": "The detail once more, where the old routes' clients read it."},
        },
        "required": ["type", "title", "status", "detail", "instance"],
    }
    return {SCHEMA: problem, "Fault": fault}


def problem_examples() -> dict[str, Node]:
    return {kind.value.slug: {"summary": kind.title, "value": _example(kind)} for kind in Kind}


def problem_responses() -> dict[str, Node]:
    """The response of each kind alone, by its slug."""
    return {kind.value.slug: _response([kind]) for kind in Kind}


def response_to(kinds: Sequence[Kind]) -> Node:
    """The response to kinds of one status."""
    if len(kinds) == 1:
        return {"$ref": f"#/components/responses/{kinds[0].value.slug}"}
    return _response(kinds)


def problem_headers() -> tuple[Header, ...]:
    return tuple(header for headers in _OWN_HEADERS.values() for header in headers)


def _response(kinds: Sequence[Kind]) -> Node:
    headers = (*ALWAYS, *(header for kind in kinds for header in _OWN_HEADERS.get(kind, ())))
    return {
        "description": "; or: ".join(f"{kind.title} (`{kind.type}`)" for kind in kinds) + ".",
        "headers": {header.name: {"$ref": f"#/components/headers/{header.name}"} for header in headers},
        "content": {
            MEDIA_TYPE: {
                "schema": _REFERENCE,
                "examples": {kind.value.slug: {"$ref": f"#/components/examples/{kind.value.slug}"} for kind in kinds},
            }
        },
    }


def _example(kind: Kind) -> Node:
    document: Node = {
        "type": kind.type,
        "title": kind.title,
        "status": HTTPStatus(kind.status).value,
        "detail": _DETAILS.get(kind, f"{kind.title}."),
        "instance": REQUEST_ID.example,
    }
    return document | ({"errors": _FAULTS[kind]} if kind in _FAULTS else {})
