"""One job on one screen."""

from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from common.db.administration import LetterRow
from common.db.operator import CallRow, JobLine, SearchRow
from common.domain.job import JobStatus
from operate.dossier import Dossier
from operate.letter_table import OWNER_WIDTH, REASON_WIDTH
from operate.terminal import at, lasts, new_table, plain, stack
from operate.waiting import describe_step, waits_on

_COLOURS = {JobStatus.COMPLETED: "green", JobStatus.ERROR: "red", JobStatus.TIMEOUT: "red"}
_ID_WIDTH = 36


def job_screen(dossier: Dossier) -> RenderableType:
    now = datetime.now(UTC)
    parts: list[RenderableType] = [_facts(dossier, now), "", _searches(dossier, now)]
    if dossier.calls:
        parts += ["", _calls(dossier.calls, now)]
    if dossier.letters:
        parts += ["", _letters(dossier.letters, now)]
    return Group(*parts)


def job_lines(jobs: list[JobLine]) -> Table:
    """Jobs as a reference leads to them."""
    now = datetime.now(UTC)
    table = new_table("job, owner", ">age", "status", "error", title="Jobs")
    table.columns[0].width = OWNER_WIDTH
    for job in jobs:
        table.add_row(
            stack(plain(job.id, "bold"), job.owner),
            lasts(now - job.created_at),
            plain(f"{job.status}{f' ({job.stop_reason})' if job.stop_reason else ''}"),
            plain(job.error or "-"),
        )
    return table


def _facts(dossier: Dossier, now: datetime) -> Table:
    job, record = dossier.job, dossier.record
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in [
        ("job", plain(f"{job.id}, {job.platform}, {job.mode}", "bold")),
        ("owner", plain(f"{record.owner}, created by {record.created_by} {lasts(now - job.created_at)} ago")),
        ("asked for", plain(_asked(dossier))),
        ("status", _status(dossier)),
        ("waits on", plain(waits_on(dossier, now))),
        ("error", plain(job.error, "red") if job.error else None),
        ("reference", plain(job.reference) if job.reference else None),
        ("trace", plain(dossier.trace_id)),
        ("counters", plain(_counters(dossier))),
        ("credits", plain(_credits(dossier))),
        ("times", plain(_times(dossier))),
        ("funnel", plain(_funnel(dossier))),
    ]:
        if value is not None:
            table.add_row(name, value)
    return table


def _asked(dossier: Dossier) -> str:
    given = dossier.record.input
    wishes = [*given.get("keywords", ()), given.get("targetUsername"), given.get("region")]
    return f"{dossier.job.target_results} creators: {', '.join(str(wish) for wish in wishes if wish)}"


def _status(dossier: Dossier) -> Text:
    job = dossier.job
    reason = f" ({job.stop_reason})" if job.stop_reason else ""
    text = plain(f"{job.status}{reason}", _COLOURS.get(job.status, "bold"))
    return text.append(f", run {job.run}, {job.progress:g} %", "not bold")


def _counters(dossier: Dossier) -> str:
    job = dossier.job
    found = f"{job.delivered_count} delivered, {job.pending_count} pending, {job.reserve_count} in reserve"
    return f"{found}; {job.items_count} items on {job.pages_count} of {dossier.record.pages_max} pages"


def _credits(dossier: Dossier) -> str:
    job = dossier.job
    held = f"{job.credits_spent} spent, {job.credits_reserved} reserved of {job.credits_granted} granted"
    return f"{held}, {job.credits_max} at most; {job.calls_count} calls"


def _times(dossier: Dossier) -> str:
    job, record = dossier.job, dossier.record
    moments = [
        ("queued", record.queued_at),
        ("admitted", record.admitted_at),
        ("started", job.started_at),
        ("deadline", job.deadline_at if job.ended_at is None else None),
        ("ended", job.ended_at),
    ]
    return ", ".join(f"{name} {at(moment)}" for name, moment in moments if moment is not None)


def _funnel(dossier: Dossier) -> str:
    rows = [f"{row.count} {row.outcome}{f' ({row.rule})' if row.rule else ''}" for row in dossier.funnel]
    return ", ".join(rows) or "nothing seen yet"


def _searches(dossier: Dossier, now: datetime) -> Table:
    table = new_table(">#", "search", "status", ">pages", ">items", "open steps")
    for search in dossier.searches:
        steps = [step for step in dossier.open_steps if step.search_id == search.id]
        table.add_row(
            str(search.ordinal),
            plain(f"{search.kind} {search.query or '(removed)'}"),
            plain(_search_status(search)),
            str(search.pages_count),
            str(search.items_count),
            plain("; ".join(describe_step(step, now, is_final=dossier.job.status.is_final) for step in steps) or "-"),
        )
    return table


def _search_status(search: SearchRow) -> str:
    return search.end_reason or search.status


def _calls(calls: list[CallRow], now: datetime) -> Table:
    table = new_table(">call", "kind", ">#.step", "answer", ">credits", ">ms", "path")
    for call in calls:
        answer = " ".join(str(part) for part in (call.http_status or call.status, call.reason) if part)
        table.add_row(
            f"{lasts(now - call.opened_at)} ago",
            call.kind,
            f"{'?' if call.ordinal is None else call.ordinal}.{call.step}",
            plain(answer),
            "-" if call.credits_charged is None else str(call.credits_charged),
            "-" if call.milliseconds is None else str(call.milliseconds),
            plain(call.path),
        )
    return table


def _letters(letters: list[LetterRow], now: datetime) -> Table:
    table = new_table("letter", ">age", "reason, reference", "step", "state")
    table.columns[0].width, table.columns[2].width = _ID_WIDTH, REASON_WIDTH
    for letter in letters:
        by = f" by {letter.resolved_by}" if letter.resolved_by else ""
        table.add_row(
            plain(letter.id),
            lasts(now - letter.created_at),
            stack(letter.reason, letter.reference or "-"),
            plain("-" if letter.step is None else f"{letter.query or '?'}, {letter.step}"),
            plain("open", "yellow") if letter.resolution is None else plain(f"{letter.resolution}{by}"),
        )
    return table
