"""Draws docs/state-machine.md from the code's table of transitions: `python docs/state_machine.py` writes it anew."""

from pathlib import Path

from common.domain.job import TRANSITIONS, JobStatus

PAGE = Path(__file__).parent / "state-machine.md"

TEXT = """# The states of a job

Drawn from `TRANSITIONS` in `libs/common/src/common/domain/job.py` by `make docs`; do not edit. The database holds the
same table (`job_transitions`), and a trigger refuses every other change of status, whoever writes. Services may read
that table, not change it.

```mermaid
stateDiagram-v2
{edges}
```

| from | to | needs |
|---|---|---|
{rows}

Final: {finals}. What may still happen to a final job: a call that was under way is settled (ledger, credits), and the
page that it paid for is kept (cursor, items as surplus), so that another run does not buy it again. Its status, reason,
target, counters and creators do not move; the database refuses that, too. `retry` and `extend` begin another run: they
need `run + 1`, and `extend` a higher target.
"""


def draw() -> str:
    """The page's text."""
    order = list(JobStatus)
    pairs = sorted(TRANSITIONS, key=lambda pair: (order.index(pair[0]), order.index(pair[1])))
    edges = ["    [*] --> pending"]
    rows: list[str] = []
    for before, after in pairs:
        action = TRANSITIONS[before, after]
        label = f" : {action.value}" if action else ""
        edges.append(f"    {before.value} --> {after.value}{label}")
        rows.append(f"| {before.value} | {after.value} | {action.value if action else ''} |")
    dead_ends = [status for status in JobStatus if not any(before is status for before, _ in TRANSITIONS)]
    edges += [f"    {status.value} --> [*]" for status in dead_ends]
    finals = ", ".join(f"`{status.value}`" for status in JobStatus if status.is_final)
    return TEXT.format(edges="\n".join(edges), rows="\n".join(rows), finals=finals)


if __name__ == "__main__":
    PAGE.write_text(draw(), encoding="utf-8")
