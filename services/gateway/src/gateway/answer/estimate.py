"""How fast a job goes and how long it is likely to go on, as the API shows it."""

import math
from datetime import UTC, datetime

from common.db.poll import JobView
from common.engine.forecast import Course, Forecast, Sample, forecast
from gateway.answer.document import Answer


class Remaining(Answer, frozen=True, rename="camel", kw_only=True):
    min_seconds: int
    max_seconds: int


class Estimate(Answer, frozen=True, rename="camel", kw_only=True):
    """As of the job's last commit, so that it changes only with the job."""

    as_of: datetime
    creators_per_minute: float | None
    remaining: Remaining | None

    @classmethod
    def of(cls, view: JobView) -> "Estimate | None":
        """None unless the job is under way: nothing tells how long a pause or a queue lasts."""
        if view.waiting_on is not None or not view.samples:
            return None
        *earlier, last = sorted((Sample(**dict(sample)) for sample in view.samples), key=lambda sample: sample.at)
        told = forecast(
            Course(
                target=view.target_results,
                pages_max=view.pages_max,
                deadline_at=view.deadline_at,
                earlier=earlier,
                last=last,
            )
        )
        return cls(
            as_of=told.as_of.astimezone(UTC),
            creators_per_minute=told.creators_per_minute,
            remaining=_remaining(told),
        )


def _remaining(told: Forecast) -> Remaining | None:
    if told.remaining is None:
        return None
    shortest, longest = told.remaining
    return Remaining(min_seconds=math.floor(shortest.total_seconds()), max_seconds=math.ceil(longest.total_seconds()))
