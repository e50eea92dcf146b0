"""All operations of the API, subject by subject."""

from gateway.contract import campaign, docs, event, health, job, result, scraping
from gateway.contract.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *campaign.OPERATIONS,
    *job.OPERATIONS,
    *result.OPERATIONS,
    *event.OPERATIONS,
    *scraping.OPERATIONS,
    *docs.OPERATIONS,
    *health.OPERATIONS,
)
