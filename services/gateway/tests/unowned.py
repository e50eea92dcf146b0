"""A gateway whose statements have forgotten the owner: what is left is row-level security. Run by test_isolation.py.

Before a statement reaches Postgres, every comparison with the owner becomes `true`; which statements that were is
written to the file that the first argument names. A look that polls share is told to whoever asked for that job, too,
whose ever it is.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from common.db.poll import JobMark
from gateway.lookout import Lookout
from gateway.main import main

# `owner = %(owner)s`, with or without an alias, or of several owners, and the pairs of the statement that looks at
# several owners' jobs.
OWNER = re.compile(r"\b(?:[a-z]+\.)?owner = (?:%\(owner\)s|any\(%\(owners\)s\)|w\.owner)")

_execute = psycopg.AsyncCursor.execute
_look = Lookout[JobMark]._look


def forget(statement: str) -> str:
    return OWNER.sub("true", statement)


async def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
    if isinstance(query, str) and OWNER.search(query):
        with Path(sys.argv[1]).open("a") as noted:
            noted.write(repr(query) + "\n")
        query = forget(query)
    return await _execute(self, query, *arguments, **options)


async def look(self: Lookout[JobMark], keys: Sequence[tuple[str, UUID]]) -> dict[tuple[str, UUID], JobMark]:
    marks = {job_id: mark for (_, job_id), mark in (await _look(self, keys)).items()}
    return {(owner, job_id): marks[job_id] for owner, job_id in keys if job_id in marks}


if __name__ == "__main__":
    psycopg.AsyncCursor.execute = execute
    Lookout._look = look
    main()
