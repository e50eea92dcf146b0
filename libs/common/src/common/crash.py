"""Named places between two effects, where a test makes the process die: killed, as by the kernel, without a word.

Every effect that others can see (a commit, a publish, a paid call, an acknowledgement) has such a place behind it.
Armed only by CRASH_AT, which settings refuse unless the database is on loopback; else reaching one costs a comparison.
"""

import os
import signal
from collections.abc import Callable
from enum import StrEnum


class CrashPoint(StrEnum):
    """`<what has just happened>`, grouped by who passes it."""

    # gateway
    JOB_COMMITTED = "job.committed"
    CANCEL_COMMITTED = "cancel.committed"
    REOPENING_COMMITTED = "reopening.committed"
    LETTER_COMMITTED = "letter.committed"
    DELETION_COMMITTED = "deletion.committed"
    ACCOUNT_COMMITTED = "account.committed"
    PUBLICATION_AWAITED = "publication.awaited"
    # whoever publishes
    STEP_PUBLISHED = "step.published"
    PUBLICATION_NOTED = "publication.noted"
    ABANDONMENT_COMMITTED = "abandonment.committed"
    OVERDUE_COMMITTED = "overdue.committed"
    HINT_PUBLISHED = "hint.published"
    # webhook
    DELIVERY_ROUTED = "delivery.routed"
    DELIVERY_REMEMBERED = "delivery.remembered"
    REDRIVE_COMMITTED = "redrive.committed"
    # webhook's sweep
    GENERATION_RAISED = "generation.raised"
    ADVISORY_ANSWERED = "advisory.answered"
    MESSAGE_DELETED = "message.deleted"
    ADMISSION_COMMITTED = "admission.committed"
    CONCLUSION_COMMITTED = "conclusion.committed"
    PURGE_COMMITTED = "purge.committed"
    DEPARTURE_COMMITTED = "departure.committed"
    # worker
    PROBE_TAKEN = "probe.taken"
    STEP_CLAIMED = "step.claimed"
    CALLS_LOST = "calls.lost"
    GRANT_RAISED = "grant.raised"
    PAGE_OPENED = "page.opened"
    PAGE_ANSWERED = "page.answered"
    PROFILE_CLAIMED = "profile.claimed"
    PROFILE_OPENED = "profile.opened"
    PROFILE_ANSWERED = "profile.answered"
    PROFILE_STORED = "profile.stored"
    FAILED_CALL_SETTLED = "failed_call.settled"
    PLATFORM_OPENED = "platform.opened"
    PLATFORM_PAUSED = "platform.paused"
    PAGE_COMMITTED = "page.committed"
    ENRICHMENT_COMMITTED = "enrichment.committed"
    SEARCH_END_COMMITTED = "search_end.committed"
    STEP_RELEASED = "step.released"
    MESSAGE_ANSWERED = "message.answered"


def die() -> None:
    """End this process at once: no handler, no `finally`, nothing flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


class Crash:
    """Where this process dies: at `at`, when it comes there for the time after `skip` others; None: nowhere."""

    def __init__(self, at: CrashPoint | None = None, *, skip: int = 0, die: Callable[[], None] = die) -> None:
        self._at = at
        self._skip = skip
        self._die = die

    def reach(self, point: CrashPoint) -> None:
        """Pass the place, or die."""
        if point is not self._at:
            return
        if self._skip > 0:
            self._skip -= 1
            return
        self._die()
