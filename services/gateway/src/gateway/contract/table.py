"""All operations of the API, subject by subject."""

from gateway.contract import campaign, docs, export, health, job, result, scraping
from gateway.contract.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *campaign.OPERATIONS,
    *job.OPERATIONS,
    *result.OPERATIONS,
    *export.OPERATIONS,
    *scraping.OPERATIONS,
    *docs.OPERATIONS,
    *health.OPERATIONS,
)
