"""What schemathesis is taught to look at besides (schemathesis.toml names this file)."""

import json
from typing import Any

import schemathesis

# Of every server's answers, or for browsers, whatever the operation.
EVERYWHERE = {
    "access-control-allow-origin",
    "access-control-expose-headers",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-resource-policy",
    "date",
    "referrer-policy",
    "transfer-encoding",
    "x-content-type-options",
}


@schemathesis.check
def no_header_beyond_the_contract(_: Any, response: Any, case: Any) -> None:
    described = case.operation.responses.find_by_status_code(response.status_code)
    is_its_own = response.request.method == case.operation.method.upper()  # it also tries other methods
    if described is not None and is_its_own:
        known = EVERYWHERE | {name.lower() for name, _ in described.headers.items()}
        assert set(response.headers) <= known, f"headers that nobody described: {set(response.headers) - known}"


@schemathesis.check
def a_problem_is_told_as_it_is(_: Any, response: Any, case: Any) -> None:
    """Its status is the answer's, its instance the request's id, and no error is told in any other form."""
    if response.status_code < 400 or case.path == "/readyz":
        return
    assert response.headers["content-type"] == ["application/problem+json"]
    problem = json.loads(response.content)
    assert problem["status"] == response.status_code
    assert [problem["instance"]] == response.headers["x-request-id"]
