"""The one line and the one count of a step, however it came to the worker."""

import structlog

from common.metric.work import WorkMetrics
from common.worker.claiming import Answer, Reply

log = structlog.get_logger()


def report(metrics: WorkMetrics, reply: Reply, seconds: float, **facts: object) -> None:
    """Write both. `facts` are for the log."""
    metrics.count_step(answer=reply.answer.value, reason=reply.reason, seconds=seconds)
    is_step = reply.answer is not Answer.TERM
    write = log.info if is_step else log.error
    event = "step.performed" if is_step else "step.unreadable"
    write(event, **told(reply), **facts, milliseconds=round(seconds * 1000))


def told(reply: Reply) -> dict[str, object]:
    """What a reply says, by name."""
    return {"answer": reply.answer.value, "reason": reply.reason, **reply.facts}
