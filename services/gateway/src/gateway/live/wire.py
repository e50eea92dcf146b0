"""Server-sent events as bytes: one event is its name, its data in one line of JSON, and the id to go on after."""

from gateway.answer.document import Answer

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b":\n\n"
BYE = "bye"


def write_event(name: str, document: Answer, *, seq: int | None) -> bytes:
    """Without `seq` the client's last id stays what it was."""
    mark = b"" if seq is None else b"id: %d\n" % seq
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), mark, document.encoded())


class ByeAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """The stream ends although the job may go on: `lifetime`, `draining` or `unavailable`. Come again."""

    reason: str


def write_bye(reason: str, *, retry_s: float) -> bytes:
    """`retry_s`: how long the client waits before it comes again."""
    return b"event: %s\nretry: %d\ndata: %s\n\n" % (BYE.encode(), retry_s * 1000, ByeAnswer(reason=reason).encoded())
