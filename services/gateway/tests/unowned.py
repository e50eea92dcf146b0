"""A gateway whose statements have forgotten the owner: what is left is row-level security. Run by test_isolation.py.

Before a statement reaches Postgres, every comparison with the owner becomes `true`; which statements that were is
written to the file that the first argument names.
"""

import re
import sys
from pathlib import Path
from typing import Any

import psycopg

from gateway.main import main

# `owner = %(owner)s`, with or without an alias, and the pairs of the statement that looks at several owners' jobs.
OWNER = re.compile(r"\b(?:[a-z]+\.)?owner = (?:%\(owner\)s|w\.owner)")

_execute = psycopg.AsyncCursor.execute


def forget(statement: str) -> str:
    return OWNER.sub("true", statement)


async def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
    if isinstance(query, str) and OWNER.search(query):
        with Path(sys.argv[1]).open("a") as noted:
            noted.write(repr(query) + "\n")
        query = forget(query)
    return await _execute(self, query, *arguments, **options)


if __name__ == "__main__":
    psycopg.AsyncCursor.execute = execute
    main()
