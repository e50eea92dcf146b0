"""What happens to a job, while it happens."""

import re

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.types import ASGIApp

from common.errors import CallerError
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.live.stream import EventStream, LastEvent, Wish
from gateway.parameter import read_parameters
from gateway.query import read_id

PATH = "/api/v1/jobs/{job_id:str}/events"
HEADER, PARAMETER = "Last-Event-ID", "lastEventId"

_SEQ = re.compile(r"[0-9]{1,18}")


@get(PATH)
async def watch_own_job(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> ASGIApp:
    """A stream of server-sent events. 204 if the job is final and the client has all of it: it need not come again."""
    last = _read_last(request)
    wish = Wish(principal=principal, job_id=read_id(job_id), last=last)
    return EventStream(wish, gateway.hub, gateway.resources, gateway.metrics)


def _read_last(request: Request[Principal, None, State]) -> LastEvent | None:
    """The header goes before the parameter: a browser that comes again sends it to the address of its first call."""
    asked = read_parameters(request.scope["query_string"], (PARAMETER,))
    for pointer, text in ((HEADER, request.headers.get(HEADER)), (PARAMETER, asked.get(PARAMETER))):
        if text is not None:
            return LastEvent(seq=_read_seq(text, f"/{pointer}"), pointer=f"/{pointer}")
    return None


def _read_seq(text: str, pointer: str) -> int:
    if not _SEQ.fullmatch(text):
        raise CallerError("must be the id of an event of this job", pointer=pointer, code="event_id")
    return int(text)
