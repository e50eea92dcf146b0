"""What happens to a job, while it happens."""

import json
from collections.abc import Mapping
from typing import Any, cast

from gateway.contract.header import UNBUFFERED
from gateway.contract.job import JOB
from gateway.contract.operation import TEXT, Answer, Content, Operation, Parameter
from gateway.contract.result import RESULT
from gateway.live.wire import MEDIA_TYPE
from gateway.problem import Kind

LAST_SEQ: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999_999}
LAST_EVENT_ID = Parameter(
    name="Last-Event-ID",
    where="header",
    description="The id of the last event that you have: what follows it is told. 0 asks for everything. It goes "
    "before `lastEventId`.",
    schema=LAST_SEQ,
    example=31,
)
LAST_EVENT_ID_IN_QUERY = Parameter(
    name="lastEventId",
    where="query",
    description="The same, for clients that cannot send the header with their first call.",
    schema=LAST_SEQ,
    example=31,
)
DESCRIPTION = """\
Server-sent events. `id` is the event's number, `data` is JSON that holds it as `seq`; both are in the order of `seq` of
the results. Each event comes once and in order, whichever of our processes a client comes to with its last id.

| event | when | data |
|---|---|---|
| `snapshot` | first of all | the job, as `GET /api/v1/jobs/{jobId}` answers it |
| `created`, `started` | | `seq`, `at` |
| `progressed` | after each commit of the job | `seq`, `at`, `delivered`, `pending`, `pages`, `progress` |
| `creator` | a creator was delivered | an item of the job's results |
| `ended` | the run of the job is over | `seq`, `at`, `status`, `stopReason`, `delivered` |
| `retried`, `extended` | the job goes on in another run | `seq`, `at`, `targetResults` |
| `removed` | creators of the job are no longer kept | `seq`, `at` |
| `bye` | the stream ends although the job may go on: come again | `reason`: `lifetime`, `draining`, `unavailable` |

Without a last id the stream goes on after the snapshot, which carries an id: read the results up to it. With one, the
snapshot carries none, and everything after the last id is told again before what is new.

The stream ends after the `ended` of the job's present run. A client that comes again with that id is answered with 204,
which tells an `EventSource` to stop. No stream is open for more than five minutes; a silence of 15 seconds is broken by
a comment. Clients should pass over events that they do not know: we may add some."""


def _message(name: str, data: Mapping[str, Any], *, seq: int | None = None) -> str:
    mark = "" if seq is None else f"id: {seq}\n"
    return f"event: {name}\n{mark}data: {json.dumps(data, separators=(',', ':'))}\n\n"


_AT = "2026-03-01T09:00:42Z"
EVENTS: Mapping[str, Mapping[str, Any]] = {
    "creator": RESULT | {"seq": 32},
    "progressed": {"seq": 33, "at": _AT, "delivered": 25, "pending": 2, "pages": 4, "progress": 26.1},
    "ended": {"seq": 34, "at": _AT, "status": "completed", "stopReason": "target_reached", "delivered": 25},
}
EXAMPLE = _message("snapshot", JOB, seq=31) + "".join(
    _message(name, data, seq=cast(int, data["seq"])) for name, data in EVENTS.items()
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/api/v1/jobs/{jobId}/events",
        id="watchJob",
        tag="events",
        summary="Watch a job live",
        description=DESCRIPTION,
        parameters=(LAST_EVENT_ID, LAST_EVENT_ID_IN_QUERY),
        answers=(
            Answer(
                200,
                "The stream.",
                (Content(media_type=MEDIA_TYPE, schema=TEXT, example=EXAMPLE),),
                headers=(UNBUFFERED,),
            ),
            Answer(204, "The job is over and you have all of it: there is no need to come again."),
        ),
        problems=(Kind.STREAMS,),
    ),
)
