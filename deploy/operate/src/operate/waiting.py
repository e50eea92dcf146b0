"""Says what an active job waits on, from its turn over its platform to each of its steps."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from common.db.operator import OpenStep
from common.domain.job import WaitingOn
from operate.dossier import Dossier
from operate.platform import waits_until
from operate.terminal import at, lasts

# What keeps all platforms waiting, whatever each one's state is.
_EVERYBODY: Mapping[WaitingOn, str] = {
    WaitingOn.OPERATOR: "paid calls, which an operator stopped: operate spending allow",
    WaitingOn.CREDITS: "the next minute: all credits of this one are used up",
}


def waits_on(dossier: Dossier, now: datetime) -> str:
    job = dossier.job
    if job.status.is_final:
        return "nothing: it has ended"
    if job.waiting_on is WaitingOn.OWNER_LIMIT:
        return f"its owner's turn: place {job.waiting_position}, until {at(dossier.record.queue_until)} at most"
    if job.waiting_on is not None and dossier.platform is not None:
        if job.waiting_on != dossier.platform.reason:
            return _EVERYBODY[job.waiting_on]
        return f"{job.platform} ({job.waiting_on}) until {waits_until(dossier.platform, now)}"
    return _steps(dossier.open_steps)


def _steps(steps: Sequence[OpenStep]) -> str:
    leased = sum(step.is_leased for step in steps)
    due = [step for step in steps if not step.is_leased and step.phase != "held"]
    later = sum(not step.is_due for step in due)
    unpublished = sum(step.is_due and step.published_at is None for step in due)
    queued = len(due) - later - unpublished
    parts = [
        (leased, "{} in a worker's hands"),
        (queued, "{} published, for a worker to take"),
        (unpublished, "{} for the sweep to publish"),
        (later, "{} not due yet"),
    ]
    told = ", ".join(text.format(count) for count, text in parts if count)
    return f"steps: {told}" if told else "nothing that is due: the sweep concludes it"


def describe_step(step: OpenStep, now: datetime, *, is_final: bool) -> str:
    """One open step in a few words; of a job that ended it is only where another run goes on."""
    if is_final:
        return f"stopped before step {step.step}"
    words = [f"step {step.step}", step.phase]
    if step.is_leased:
        words.append("leased")
    elif step.phase != "held":
        words.append(_delivery(step, now))
    if step.attempts:
        words.append(f"attempt {step.attempts}")
    if step.redrives_count + step.sweeps_count:
        words.append(f"re-driven {step.redrives_count + step.sweeps_count}×")
    return ", ".join(words)


def _delivery(step: OpenStep, now: datetime) -> str:
    if not step.is_due:
        return f"due in {lasts(step.due_at - now)}"
    if step.published_at is None:
        return f"unpublished, due for {lasts(now - step.due_at)}"
    return f"published {lasts(now - step.published_at)} ago"
