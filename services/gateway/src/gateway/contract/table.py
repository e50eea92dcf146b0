"""All operations of the API, subject by subject."""

from gateway.contract import (
    account,
    campaign,
    dead_letter,
    docs,
    event,
    export,
    health,
    job,
    ledger,
    me,
    result,
    scraping,
    setting,
)
from gateway.contract.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *campaign.OPERATIONS,
    *job.OPERATIONS,
    *result.OPERATIONS,
    *ledger.OPERATIONS,
    *export.OPERATIONS,
    *event.OPERATIONS,
    *scraping.OPERATIONS,
    *me.OPERATIONS,
    *account.OPERATIONS,
    *setting.OPERATIONS,
    *dead_letter.OPERATIONS,
    *docs.OPERATIONS,
    *health.OPERATIONS,
)
