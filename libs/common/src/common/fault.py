"""What may be told of an exception: where it happened and of which kind, never what was in it.

The rule: the text of an exception is written only if it is one of ours (errors.py), whose texts carry no values, or
says why a server cannot be reached. Postgres quotes the row (`Key (email)=(...) already exists`), pydantic the input,
httpx the address, and a KeyError is its key.
"""

import traceback
from collections.abc import Iterator

from common.errors import CreatorscoutError

CHAIN_MAX = 10
GROUP_MAX = 5


def describe(error: BaseException) -> str:
    """Its kind and, of a fault of Postgres, the SQLSTATE and the constraint."""
    sqlstate = getattr(error, "sqlstate", None)
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    name = type(error).__name__
    if isinstance(sqlstate, str):
        return f"{name} [{sqlstate} {constraint}]" if isinstance(constraint, str) else f"{name} [{sqlstate}]"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} [errno {error.errno}]"
    if isinstance(error, CreatorscoutError) or _is_of_a_connection(error):
        return f"{name}: {error}" if str(error) else name
    return name


def trace(error: BaseException) -> str:
    """Where it happened, with all that led to it, the first first. Lines of our code are shown, no value is."""
    return "\n".join(_trace_one(one) for one in reversed(list(_chain(error))))


def _trace_one(error: BaseException) -> str:
    lines = "".join(traceback.format_tb(error.__traceback__)) + describe(error)
    if not isinstance(error, BaseExceptionGroup):
        return lines
    inner = "\n".join(trace(one) for one in error.exceptions[:GROUP_MAX])
    return f"{lines}\n" + "\n".join(f"  | {line}" for line in inner.splitlines())


def _chain(error: BaseException) -> Iterator[BaseException]:
    """It, and what it was raised from or while; each once."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(seen) < CHAIN_MAX and not any(one is current for one in seen):
        seen.append(current)
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _is_of_a_connection(error: BaseException) -> bool:
    """libpq's word on why there is no connection: it names the server. What Postgres itself says has an SQLSTATE."""
    kinds = type(error).__mro__
    return any(kind.__name__ == "OperationalError" and kind.__module__.startswith("psycopg") for kind in kinds)
