"""Giving up a step that nobody holds and that nothing could carry out. A dead letter stays for an operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.db import candidate as candidate_table
from common.db import job as job_table
from common.db import outcome as outcome_table
from common.db import search as search_table
from common.db import step as step_table
from common.db.dead_letter import DeadLetter, insert_dead_letter
from common.domain.outcome import Enrichment
from common.domain.step import DueStep
from common.engine.enrichment import Enriched
from common.transaction.conclusion import conclude
from common.transaction.enrichment import settle_pending
from common.transaction.lock import LockedWork, Unit, UnknownJobError, under_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandonment:
    """Why a step is given up: `reason` is a constant, `facts` are counts and ids for people."""

    reason: str
    facts: Mapping[str, Any]


async def abandon_step(unit: Unit, due: DueStep, why: Abandonment) -> tuple[str | None, list[DueStep]]:
    """Give the step up, with its letter, in one transaction.

    A page's search ends as failed; an enrichment's candidates are delivered as known, marked `failed`, because their
    page is paid for. Returns the reference that leads to the log and the letter, None if the step is not due any
    more at this generation, somebody holds it, or its job was deleted: then nothing is written.
    """

    async def work(locked: LockedWork) -> str | None:
        if locked.job.status.is_final:
            return None
        await search_table.lock_search(locked.connection, search_id=due.search_id)
        if await _close(locked, due, "page"):
            await search_table.end_search(locked.connection, search_id=due.search_id, reason="failed")
        elif await _close(locked, due, "enrichment"):
            await _deliver_as_known(locked, due)
        else:
            return None
        reference = await _keep_letter(locked, due, why)
        await conclude(locked)
        return reference

    try:
        return await under_lock(unit, due.job_id, work)
    except UnknownJobError:
        return None, []


async def _close(locked: LockedWork, due: DueStep, phase: str) -> bool:
    return await step_table.give_up(
        locked.connection, search_id=due.search_id, step=due.step, generation=due.generation, phase=phase
    )


async def _deliver_as_known(locked: LockedWork, due: DueStep) -> None:
    pending = await candidate_table.pending_of_step(
        locked.connection, job_id=due.job_id, search_id=due.search_id, step=due.step
    )
    as_known = [
        Enriched(found=one.details, account=one.details.account, enrichment=Enrichment.FAILED) for one in pending
    ]
    moves, _ = await settle_pending(locked, as_known)
    if moves:
        await outcome_table.move_outcomes(locked.connection, job_id=due.job_id, moves=moves)


async def _keep_letter(locked: LockedWork, due: DueStep, why: Abandonment) -> str:
    letter_id = locked.clock.new_id()
    reference = letter_id.hex[-12:]
    letter = DeadLetter(
        id=letter_id,
        job_id=due.job_id,
        search_id=due.search_id,
        step=due.step,
        generation=due.generation,
        reason=why.reason,
        details={"reference": reference, **why.facts},
    )
    await insert_dead_letter(locked.connection, letter)
    await job_table.note_reference(locked.connection, job_id=due.job_id, reference=reference)
    return reference
