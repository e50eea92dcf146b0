"""The one message of the system: QStash carries it as body, JetStream as payload. Ids and numbers only."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from common.domain.model import CamelModel

STEP_MAX = 2**31 - 1

Count = Annotated[int, Field(ge=0, le=STEP_MAX, strict=True)]


class StepMessage(CamelModel):
    """Names one step of one search at one generation."""

    job_id: UUID
    search_id: UUID
    step: Count
    generation: Count


class JobMessage(CamelModel):
    """The old body: publish what is due and unleased of this job at its current generation."""

    job_id: UUID
