"""Parameters that more than one operation has; those of paths by their names."""

from collections.abc import Mapping

from common.domain.job import PlatformName
from gateway.contract.operation import Parameter
from gateway.query import LIMIT_DEFAULT, LIMIT_MAX

JOB_ID = "01930000-0000-7000-8000-0000000000b1"
CAMPAIGN_ID = "01930000-0000-7000-8000-000000000001"
_ID = {"type": "string", "format": "uuid"}

# The parameters of paths. What is no id at all is answered like an unknown one.
PATH: Mapping[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            name="jobId",
            where="path",
            description="The job's id.",
            schema=_ID,
            is_required=True,
            example=JOB_ID,
        ),
        Parameter(
            name="campaignId",
            where="path",
            description="The campaign's id.",
            schema=_ID,
            is_required=True,
            example=CAMPAIGN_ID,
        ),
        Parameter(
            name="platform",
            where="path",
            description="The platform to search.",
            schema={"type": "string", "enum": [name.value for name in PlatformName]},
            is_required=True,
            example="tiktok",
        ),
    )
}

LIMIT = Parameter(
    name="limit",
    where="query",
    description=f"How many at most; more than {LIMIT_MAX} is {LIMIT_MAX}.",
    schema={"type": "integer", "minimum": 1, "maximum": 999_999, "default": LIMIT_DEFAULT},
    example=20,
)
CURSOR = Parameter(
    name="cursor",
    where="query",
    description="`nextCursor` of the page before; without it, the first page.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"},
    example="AZMAAAAAcACAAAAAAAAAAQ",
)
IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    where="header",
    description="The `ETag` of the answer that you have; 304 if it is still the same.",
    example='"1f0c8a6f2c5d4e7b9a3b5c7d9e1f2a4b"',
)
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    where="header",
    description="A text of your choice: whoever sends the same request with the same key again gets the first answer.",
    schema={"type": "string", "pattern": r'^([!#-Z\[\]-~]{1,255}|"[ !#-Z\[\]-~]{1,255}")$'},
    example='"8e03978e-40d5-43dd-bc93-6894a57f9324"',
)
