"""What a job is, and the one table of its transitions."""

from collections.abc import Mapping
from enum import StrEnum


class PlatformName(StrEnum):
    """Folder, package, command, container, NATS subject and this value are the same word."""

    TIKTOK = "tiktok"
    INSTAGRAM = "instagram"
    YOUTUBE = "youtube"


class Mode(StrEnum):
    KEYWORD = "keyword"
    SIMILAR = "similar"


class JobStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self not in (JobStatus.PENDING, JobStatus.PROCESSING)


class StopReason(StrEnum):
    TARGET_REACHED = "target_reached"
    EXHAUSTED = "exhausted"
    CALL_LIMIT = "call_limit"
    CREDIT_LIMIT = "credit_limit"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    TARGET_NOT_FOUND = "target_not_found"
    TARGET_PRIVATE = "target_private"
    FAILED = "failed"


class WaitingOn(StrEnum):
    OWNER_LIMIT = "owner_limit"
    COOL_DOWN = "cool_down"
    CREDITS = "credits"
    CONFIGURATION = "configuration"
    OPERATOR = "operator"


class Action(StrEnum):
    """What leads out of an end, into another run of the job."""

    RETRY = "retry"
    EXTEND = "extend"


# (from, to): what it takes. The database holds the same table and refuses everything else; a test compares the two.
TRANSITIONS: Mapping[tuple[JobStatus, JobStatus], Action | None] = {
    (JobStatus.PENDING, JobStatus.PROCESSING): None,
    (JobStatus.PENDING, JobStatus.ERROR): None,
    (JobStatus.PENDING, JobStatus.TIMEOUT): None,
    (JobStatus.PENDING, JobStatus.CANCELLED): None,
    (JobStatus.PROCESSING, JobStatus.COMPLETED): None,
    (JobStatus.PROCESSING, JobStatus.ERROR): None,
    (JobStatus.PROCESSING, JobStatus.TIMEOUT): None,
    (JobStatus.PROCESSING, JobStatus.CANCELLED): None,
    (JobStatus.ERROR, JobStatus.PENDING): Action.RETRY,
    (JobStatus.TIMEOUT, JobStatus.PENDING): Action.RETRY,
    (JobStatus.COMPLETED, JobStatus.PENDING): Action.EXTEND,
}
