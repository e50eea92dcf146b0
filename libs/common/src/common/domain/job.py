"""What a job is, and the one table of its transitions."""

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


# (from, to). The database holds the same table and refuses everything else; a test compares the two.
TRANSITIONS: frozenset[tuple[JobStatus, JobStatus]] = frozenset(
    {
        (JobStatus.PENDING, JobStatus.PROCESSING),
        (JobStatus.PENDING, JobStatus.ERROR),
        (JobStatus.PENDING, JobStatus.TIMEOUT),
        (JobStatus.PENDING, JobStatus.CANCELLED),
        (JobStatus.PROCESSING, JobStatus.COMPLETED),
        (JobStatus.PROCESSING, JobStatus.ERROR),
        (JobStatus.PROCESSING, JobStatus.TIMEOUT),
        (JobStatus.PROCESSING, JobStatus.CANCELLED),
    }
)
