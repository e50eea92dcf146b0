"""Which problems an operation may answer because of its form, whatever it does."""

from gateway.contract.operation import Operation
from gateway.problem import Kind

_SENDING = frozenset({"POST", "PUT", "PATCH"})


def problems_of(operation: Operation) -> tuple[Kind, ...]:
    """All kinds, in the order of their status; those of the row among them."""
    found = {Kind.INTERNAL, *operation.problems}
    if not operation.is_public:
        found |= {Kind.UNAUTHENTICATED, Kind.RATE_LIMITED, Kind.UNAVAILABLE}
        found |= {Kind.IMPERSONATED} if operation.method != "GET" else set()
        found |= {Kind.MEDIA_TYPE} if operation.method in _SENDING else set()
    if "{" in operation.path:
        found.add(Kind.NOT_FOUND)
    if operation.body is not None:
        found |= {Kind.MALFORMED, Kind.TOO_LARGE, Kind.VALIDATION}
    if any(parameter.where == "query" for parameter in operation.parameters):
        found.add(Kind.VALIDATION)
    return tuple(sorted(found, key=lambda kind: (kind.status, kind.value.slug)))
