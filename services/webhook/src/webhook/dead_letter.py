"""Giving up a step that nothing could deliver: its search ends, and a letter stays for an operator."""

from collections.abc import Mapping
from typing import Any

import structlog

from common.db.dead_letter import DeadLetter, insert_dead_letter
from common.db.delivery import read_delivered
from common.domain.step import DueStep
from common.resources.process import Resources
from common.transaction.failure import fail_undeliverable

log = structlog.get_logger()


async def give_up(resources: Resources, step: DueStep, *, reason: str, facts: Mapping[str, Any]) -> str | None:
    """End the step's search, and with the last one its job; what becomes free is published.

    Returns the reference that leads to the log and the letter; None if the step is not due any more, was claimed
    meanwhile, or is in its enrichment phase (its page is paid for: the sweep drives it on).
    """
    letter_id = resources.clock.new_id()
    reference = letter_id.hex[-12:]
    due = await fail_undeliverable(await resources.unit(), step, reference=reference)
    async with resources.database.connection() as connection:
        row = await read_delivered(connection, search_id=step.search_id, step=step.step)
        if row is None or row.phase != "done" or row.generation != step.generation:
            return None
        letter = DeadLetter(
            id=letter_id,
            job_id=step.job_id,
            search_id=step.search_id,
            step=step.step,
            generation=step.generation,
            reason=reason,
            details={"reference": reference, **facts},
        )
        if not await insert_dead_letter(connection, letter):
            return None
    log.error("step.given_up", reference=reference, reason=reason)
    await resources.publication.publish(due)
    return reference
