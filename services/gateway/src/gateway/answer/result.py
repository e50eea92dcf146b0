"""What a job delivered, as the API shows it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from common.db.result import DeliveredRow, ResultRow
from common.domain.creator import Creator
from common.domain.job import PlatformName
from common.domain.outcome import Enrichment
from gateway.answer.document import Answer
from gateway.creator import CreatorDocument, write_creator
from gateway.selection import Selection, shape_of_answer, shape_of_model
from gateway.stored import write_stored


class ResultAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """A creator of a job. `seq` orders a job's events and deliveries; `creator` is the same for every platform."""

    seq: int
    found_at: datetime
    enrichment: Enrichment | None
    platform: PlatformName
    creator: CreatorDocument

    @classmethod
    def of(cls, row: DeliveredRow, platform: PlatformName) -> "ResultAnswer":
        return cls(
            seq=row.seq,
            found_at=row.delivered_at.astimezone(UTC),
            enrichment=row.enrichment,
            platform=platform,
            creator=write_creator(row.details),
        )

    @classmethod
    def of_row(cls, row: ResultRow, platform: PlatformName) -> "ResultAnswer":
        """The same of a row in a list."""
        return cls(
            seq=row.seq,
            found_at=row.delivered_at.astimezone(UTC),
            enrichment=cast(Enrichment | None, row.enrichment),
            platform=platform,
            creator=cast(CreatorDocument, write_stored(row.details)),
        )


RESULT_SHAPE = shape_of_answer(ResultAnswer, creator=shape_of_model(Creator))


def chosen(answer: ResultAnswer, selection: Selection) -> Mapping[str, Any]:
    """The answer with the fields that are asked for."""
    return selection.of(msgspec.json.decode(answer.encoded()))


class ResultPage(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[ResultAnswer]
    next_cursor: str | None


class ChosenPage(Answer, frozen=True, rename="camel", kw_only=True):
    """A page whose items carry only the fields that were asked for."""

    items: Sequence[Mapping[str, Any]]
    next_cursor: str | None
