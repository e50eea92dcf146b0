"""Giving up a step that nothing could deliver: its search ends, and a letter stays for an operator."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from common.db.dead_letter import DeadLetter, drop_dead_letter, find_dead_letter, insert_dead_letter
from common.db.delivery import Delivered, read_delivered
from common.db.search import lock_search
from common.domain.step import DueStep
from common.resources.process import Resources
from common.transaction.failure import fail_undeliverable

log = structlog.get_logger()


async def give_up(resources: Resources, step: DueStep, *, reason: str, facts: Mapping[str, Any]) -> str | None:
    """End the step's search, and with the last one its job; what becomes free is published.

    Returns the reference that leads to the log and the letter; None if the step is not due any more, was claimed
    meanwhile, or is in its enrichment phase (its page is paid for: the sweep drives it on). Safe to repeat, also by
    two at once: the letter is kept first, and whoever comes later goes by its reference.
    """
    letter_id = await _keep_letter(resources, step, reason, facts)
    if letter_id is None:
        return None
    reference = letter_id.hex[-12:]
    due = await fail_undeliverable(await resources.unit(), step, reference=reference)
    async with resources.database.connection() as connection:
        row = await read_delivered(connection, search_id=step.search_id, step=step.step)
        if row is None or row.generation != step.generation or row.phase != "done":
            await drop_dead_letter(connection, letter_id=letter_id)
            return None
    log.error("step.given_up", reference=reference, reason=reason)
    await resources.publication.publish(due)
    return reference


async def _keep_letter(resources: Resources, step: DueStep, reason: str, facts: Mapping[str, Any]) -> UUID | None:
    new_id = resources.clock.new_id()
    letter = DeadLetter(
        id=new_id,
        job_id=step.job_id,
        search_id=step.search_id,
        step=step.step,
        generation=step.generation,
        reason=reason,
        details={"reference": new_id.hex[-12:], **facts},
    )
    async with resources.database.transaction() as connection:
        await lock_search(connection, search_id=step.search_id)
        row = await read_delivered(connection, search_id=step.search_id, step=step.step)
        if row is None or not _is_due(row, step):
            return None
        await insert_dead_letter(connection, letter)
        return await find_dead_letter(
            connection, search_id=step.search_id, step=step.step, generation=step.generation, reason=reason
        )


def _is_due(row: Delivered, step: DueStep) -> bool:
    return row.phase == "page" and row.generation == step.generation and not row.job_status.is_final
