"""Plans in short: by which indexes a statement goes, and whether it reads a large table from end to end."""

import re
from collections.abc import Iterable
from typing import Final

LARGE: Final = frozenset(
    {
        *(
            "owners",
            "owner_days",
            "campaigns",
            "jobs",
            "searches",
            "steps",
            "step_outcomes",
            "candidates",
            "job_events",
        ),
        *("upstream_calls", "profiles", "dead_letters", "idempotency_keys"),
    }
)
"""What grows with what was."""

_BY_INDEX: Final = re.compile(r"(Index Only Scan|Index Scan|Bitmap Index Scan)(?: Backward)? (?:using|on) (\w+)")
_WHOLE: Final = re.compile(r"Seq Scan on (\w+)")


def short(plan: str) -> tuple[str, ...]:
    """Each scan once, in the plan's order: the index, or `all of <table>` for a large one."""
    found: dict[str, None] = {}
    for line in plan.splitlines():
        if match := _BY_INDEX.search(line):
            found[match.group(2) + (" only" if "Only" in match.group(1) else "")] = None
        elif (match := _WHOLE.search(line)) and match.group(1) in LARGE:
            found[f"all of {match.group(1)}"] = None
    return tuple(found)


def scanned(plans: Iterable[str]) -> list[str]:
    """The large tables that are read from end to end."""
    return sorted({table for plan in plans for table in _WHOLE.findall(plan)} & LARGE)
