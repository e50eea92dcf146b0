"""Steps, sweep and lists of a database in which much has happened, beside those of one in which little has."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import psycopg
from psycopg import sql

from bench.growth.asking import Answer, ask_all
from bench.growth.question import GROUPS, Group
from bench.growth.seed import seed
from bench.growth.size import LARGE, SMALL, Size
from bench.growth.steps import ROWS, Load, Turn, do_steps
from bench.row import SEPARATOR, Bench, Finding, Ratio, Row, at_least
from local.postgres import Postgres

LOAD: Final = Load(jobs=40, pages=5)
STEP_ROUNDS: Final = 3
ASK_ROUNDS: Final = 5
_GOAL: Final = at_least(0.9)


def run(bench: Bench) -> Finding:
    return measure(bench, (SMALL, LARGE), LOAD, step_rounds=STEP_ROUNDS, ask_rounds=ASK_ROUNDS)


def measure(bench: Bench, sizes: tuple[Size, Size], load: Load, *, step_rounds: int, ask_rounds: int) -> Finding:
    small, large = sizes
    with seed(bench.folder / "postgres", (small, large), bench.report) as server:
        bench.report("asking what the sweep, lists and operators ask")
        answers = ask_all(server, small, large, ask_rounds)
        turns = {small.name: list[Turn](), large.name: list[Turn]()}
        for number in range(step_rounds + 1):  # the first finds caches as they come
            bench.report(f"steps, round {number} of {step_rounds}")
            for size in (small, large) if number % 2 == 0 else (large, small):
                turns[size.name].append(_turn(server, size, small, load))
    rows = (_of_steps(turns, small, large), *(_of_group(group, answers, small, large) for group in GROUPS))
    return Finding(rows=rows, detail="\n\n".join((_updates(turns[large.name]), _table(answers, small, large))))


def _turn(server: Postgres, size: Size, small: Size, load: Load) -> Turn:
    """What a turn leaves behind would soon be more than a small database had: it works on a new copy each time."""
    if size is not small:
        return do_steps(server, size.name, load)
    with psycopg.connect(server.database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database turn template {}").format(sql.Identifier(small.name)))
        try:
            return do_steps(server, "turn", load)
        finally:
            connection.execute("drop database turn")


def _of_steps(turns: Mapping[str, Sequence[Turn]], small: Size, large: Size) -> Row:
    few, many = (turns[size.name][1:] for size in (small, large))
    return Row(
        what=f"steps of {ROWS} rows among {large.candidates:,} candidates and {large.jobs:,} jobs",
        ours=f"{median(turn.rate for turn in many):.0f} steps/s",
        theirs=f"among {small.candidates:,} and {small.jobs:,}: {median(turn.rate for turn in few):.0f} steps/s",
        ratio=Ratio.of([turn.rate for turn in many], [turn.rate for turn in few]),
        goal=_GOAL,
        note="claim, gate, page commit and note of the publication by our own code, without upstream and queue; a step "
        f"looks at {median(turn.buffers for turn in many):.0f} blocks and writes "
        f"{median(turn.log_bytes for turn in many) / 1000:.0f} kB of log, in the small database "
        f"{median(turn.buffers for turn in few):.0f} and {median(turn.log_bytes for turn in few) / 1000:.0f}",
    )


def _of_group(group: Group, answers: Sequence[Answer], small: Size, large: Size) -> Row:
    """All of the group's, one after the other."""
    own = [answer for answer in answers if answer.group is group]
    few, many = ([sum(times) for times in zip(*series, strict=True)] for series in _series(own))
    worst = min(own, key=lambda answer: answer.ratio)
    whole = [f"{answer.question.name} ({', '.join(answer.scanned)})" for answer in own if answer.scanned]
    return Row(
        what=f"{group.name}, {large.jobs:,} jobs",
        ours=f"{median(many) * 1000:.1f} ms",
        theirs=f"{small.jobs:,} jobs: {median(few) * 1000:.1f} ms",
        ratio=Ratio.of(few, many),
        goal=_GOAL,
        note=f"{len(own)} statements; the one that grows most: {worst.question.name}, {worst.ratio:.2f}; large tables "
        f"read from end to end: {'; '.join(whole) or 'none'}",
    )


def _series(answers: Sequence[Answer]) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    return [answer.small for answer in answers], [answer.large for answer in answers]


def _updates(turns: Sequence[Turn]) -> str:
    parts: list[str] = []
    for table in turns[0].updates:
        rows, hot = (sum(turn.updates[table][which] for turn in turns) for which in (0, 1))
        if rows:
            parts.append(f"{table} {hot / rows:.0%} of {rows:,}")
    return f"Updates by steps that touched no index (HOT): {SEPARATOR.join(parts)}."


def _table(answers: Sequence[Answer], small: Size, large: Size) -> str:
    lines = [f"| statement | {small.jobs:,} jobs | {large.jobs:,} jobs | rate | by |", "|---|---:|---:|---:|---|"]
    for group in GROUPS:
        lines.append(f"| **{group.name}** | | | | |")
        for answer in answers:
            if answer.group is group:
                few, many = (median(series) * 1000 for series in (answer.small, answer.large))
                lines.append(
                    f"| {answer.question.name} | {few:.2f} ms | {many:.2f} ms | {answer.ratio:.2f} | {answer.path} |"
                )
    return "\n".join(lines)
