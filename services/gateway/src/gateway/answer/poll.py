"""What the old routes answer."""

from uuid import UUID

import msgspec

from common.db.poll import JobPoll
from common.domain.job import JobStatus
from gateway.answer.document import Answer


class CreatedAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """The old answer to a creation."""

    message: str
    job_id: UUID
    qstash_message_id: str | None


class PollAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """The old answer to a poll. `results` is spliced in as Postgres made it."""

    status: JobStatus
    processed_results: int
    target_results: int
    error: str | None
    results: msgspec.Raw
    progress: float

    @classmethod
    def of(cls, poll: JobPoll) -> "PollAnswer":
        return cls(
            status=poll.status,
            processed_results=poll.delivered_count,
            target_results=poll.target_results,
            error=poll.error,
            results=msgspec.Raw(poll.results.encode()),
            progress=poll.progress,
        )
