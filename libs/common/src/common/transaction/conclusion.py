"""The tail of every commit on a job: release what waits, start what may start, end what is over."""

from common.db import candidate as candidate_table
from common.db import job as job_table
from common.db import outcome as outcome_table
from common.db import search as search_table
from common.db import step as step_table
from common.db.candidate import CandidateRow
from common.db.job import Ending
from common.domain.job import JobStatus
from common.domain.outcome import Enrichment, Outcome
from common.engine.end import End, decide_end, progress
from common.engine.enrichment import decide_refill, judge_at_end
from common.transaction.admission import admit_next, start_searches
from common.transaction.brief import brief_of
from common.transaction.lock import LockedWork, OwnerLockNeededError
from common.transaction.quota import release
from common.transaction.row import settled_row


async def conclude(work: LockedWork) -> None:
    """Write the counters; while the target is open release held steps and start waiting searches; end the job if it
    is over. A final job is left as it is."""
    if work.job.status.is_final:
        return
    is_released = decide_refill(work.facts).is_released
    if is_released:
        work.due.extend(await step_table.release_held(work.connection, job_id=work.job.id))
    tally = await search_table.tally(work.connection, job_id=work.job.id)
    active, waiting = tally.active, tally.waiting
    if waiting and is_released:
        started = await start_searches(
            work.connection,
            work.clock,
            job_id=work.job.id,
            count_max=work.job.parallel_searches_max - active,
        )
        work.due.extend(started)
    end = decide_end(work.facts, open_searches=active + waiting, ends=frozenset(tally.ends))
    if end is not None:
        await end_job(work, end)
        return
    await job_table.note_progress(
        work.connection,
        job_id=work.job.id,
        counters=work.facts,
        seq=work.next_seq(),
        progress=progress(work.facts),
    )


async def write_counters(work: LockedWork) -> None:
    await job_table.update_counters(
        work.connection, job_id=work.job.id, counters=work.facts, seq=work.seq, progress=progress(work.facts)
    )


async def end_job(work: LockedWork, end: End, *, reference: str | None = None) -> None:
    """End the job: pending candidates are delivered as known if the filters allow, the reserve becomes surplus, its
    searches end, and the owner's next job gets its turn. Nothing of it is due any more."""
    if not work.has_owner:
        raise OwnerLockNeededError
    if work.job.status is JobStatus.PENDING and end.status is JobStatus.COMPLETED:
        # Everything came without a paid call.
        await work.add_event("started", {})
        await job_table.start_job(work.connection, job_id=work.job.id)
    await _close_candidates(work)
    await search_table.end_all(work.connection, job_id=work.job.id)
    await work.add_event(
        "ended",
        {"status": end.status.value, "stopReason": end.stop_reason.value, "delivered": work.facts.delivered},
    )
    await write_counters(work)
    await job_table.end_job(
        work.connection,
        Ending(
            job_id=work.job.id,
            status=end.status,
            stop_reason=end.stop_reason.value,
            error=end.error,
            reference=reference,
        ),
    )
    work.end = end
    work.due[:] = await admit_next(
        work.connection, work.clock, owner=work.job.owner, active_jobs_max=work.active_jobs_max
    )
    await release(work.connection, job_id=work.job.id)


async def _close_candidates(work: LockedWork) -> None:
    pending = await candidate_table.open_candidates(work.connection, job_id=work.job.id)
    brief = brief_of(work, None, work.job.target)
    rows: list[CandidateRow] = []
    for candidate in pending:
        verdict = judge_at_end(brief, candidate.details)
        is_delivered = verdict.outcome is Outcome.DELIVERED
        rows.append(
            settled_row(
                candidate.details,
                outcome=verdict.outcome,
                rule=verdict.rule,
                enrichment=Enrichment.SKIPPED,
                seq=work.next_seq() if is_delivered else None,
            )
        )
    delivered = sum(row.outcome is Outcome.DELIVERED for row in rows)
    moves = await candidate_table.settle_candidates(work.connection, job_id=work.job.id, rows=rows) if rows else []
    moves += await candidate_table.discard_reserve(work.connection, job_id=work.job.id)
    if moves:
        await outcome_table.move_outcomes(work.connection, job_id=work.job.id, moves=moves)
    work.count(delivered=delivered, pending=-len(rows), reserve=-work.facts.reserve)
