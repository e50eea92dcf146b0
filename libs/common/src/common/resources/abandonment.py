"""Giving up a step, and telling of it."""

import structlog

from common.crash import CrashPoint
from common.domain.step import DueStep
from common.resources.process import Resources
from common.transaction.abandonment import Abandonment, abandon_step

log = structlog.get_logger()


async def give_up(resources: Resources, step: DueStep, why: Abandonment) -> str | None:
    """Give the step up, hint at it and publish what that makes due; the reference to log and letter, None if it was not
    to be given up any more. Safe to repeat, also by two at once."""
    reference, due = await abandon_step(await resources.unit(), step, why)
    if reference is not None:
        resources.metrics.count_letter(why.reason)
        log.error(
            "step.given_up",
            job_id=str(step.job_id),
            search_id=str(step.search_id),
            step=step.step,
            generation=step.generation,
            reason=why.reason,
            reference=reference,
        )
        resources.crash.reach(CrashPoint.ABANDONMENT_COMMITTED)
        await resources.hints.give(step.job_id)
        await resources.publication.publish(due)
    return reference
