"""What became of everything that a job saw, as the API shows it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from msgspec import Meta

from common.db.outcome import JobFunnel, OutcomeCount, SearchFunnel
from common.domain.outcome import Enrichment, Outcome
from gateway.answer.document import Answer

ByEnrichment = Annotated[
    Mapping[Enrichment, int],
    Meta(
        extra_json_schema={
            "propertyNames": {"$ref": "#/components/schemas/Enrichment"},
            "properties": {enrichment.value: {"type": "integer"} for enrichment in Enrichment},
            "required": [enrichment.value for enrichment in Enrichment],
        }
    ),
]
_ORDER = {outcome: place for place, outcome in enumerate(Outcome)}


class OutcomeCountAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """`rule` says why where there is more than one reason: the filter that decided, or that with `:unknown`, or what
    could not be read; else it is null."""

    outcome: Outcome
    rule: str | None
    count: int


class SearchFunnelAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    kind: str
    query: str | None
    pages: int
    items_seen: int
    outcomes: Sequence[OutcomeCountAnswer]

    @classmethod
    def of(cls, funnel: SearchFunnel) -> "SearchFunnelAnswer":
        return cls(
            kind=funnel.kind,
            query=funnel.query,
            pages=funnel.pages,
            items_seen=funnel.items_count,
            outcomes=_outcomes(funnel.outcomes),
        )


class FunnelAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """`items_seen` is the sum of `outcomes`, as in every search. `enrichment` says how many profiles came about how."""

    items_seen: int
    outcomes: Sequence[OutcomeCountAnswer]
    enrichment: ByEnrichment
    searches: Sequence[SearchFunnelAnswer]

    @classmethod
    def of(cls, funnel: JobFunnel) -> "FunnelAnswer":
        return cls(
            items_seen=funnel.items_count,
            outcomes=_outcomes(funnel.outcomes),
            enrichment={kind: funnel.enrichments.get(kind, 0) for kind in Enrichment},
            searches=[SearchFunnelAnswer.of(search) for search in funnel.searches],
        )


def _outcomes(counts: Iterable[OutcomeCount]) -> list[OutcomeCountAnswer]:
    return [
        OutcomeCountAnswer(outcome=row.outcome, rule=row.rule or None, count=row.count)
        for row in sorted(counts, key=lambda row: (_ORDER[row.outcome], row.rule))
    ]
