"""A step that is due, as the doors pass it on."""

from datetime import timedelta
from uuid import UUID

from common.domain.message import StepMessage
from common.domain.model import Model


class DueStep(Model):
    """A step that QStash must be told of, not before `delay` is over."""

    job_id: UUID
    search_id: UUID
    step: int
    generation: int
    delay: timedelta = timedelta(0)

    @property
    def message(self) -> StepMessage:
        return StepMessage(job_id=self.job_id, search_id=self.search_id, step=self.step, generation=self.generation)
