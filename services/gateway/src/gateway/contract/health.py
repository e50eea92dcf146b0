"""What probes and Prometheus ask."""

from common.metric.registry import MEDIA_TYPE as METRICS_TYPE
from gateway.contract.operation import Answer, Content, Operation

_OK = Answer(200, "Yes.", (Content(media_type="text/plain", example="ok\n"),))

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/livez",
        id="isAlive",
        tag="health",
        summary="Whether the process answers",
        description="For a liveness probe: says nothing of what the process needs.",
        answers=(_OK,),
        is_public=True,
    ),
    Operation(
        method="GET",
        path="/readyz",
        id="isReady",
        tag="health",
        summary="Whether requests are wanted",
        description="For a readiness probe: the database, NATS and the keys of session tokens are there.",
        answers=(
            _OK,
            Answer(503, "No, and what is missing.", (Content(media_type="text/plain", example="not ready: nats\n"),)),
        ),
        is_public=True,
    ),
    Operation(
        method="GET",
        path="/metrics",
        id="readMetrics",
        tag="health",
        summary="Numbers for Prometheus",
        description="The text format of Prometheus.",
        answers=(Answer(200, "The numbers.", (Content(media_type=METRICS_TYPE),)),),
        is_public=True,
    ),
)
