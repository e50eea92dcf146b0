"""For tests that change a sample at some place, as an upstream may that changes without notice."""

import copy
from contextlib import suppress
from typing import Any

DROPPED = object()  # in place of a value: the place itself goes


def spoil(body: Any, path: tuple[Any, ...], value: Any) -> None:
    """Put the value at this place of the body, if the place is still there."""
    with suppress(KeyError, IndexError, TypeError):  # an earlier change took the place away
        for key in path[:-1]:
            body = body[key]
        if value is DROPPED:
            del body[path[-1]]
        else:
            body[path[-1]] = copy.deepcopy(value)  # strategies hand out the same list again
