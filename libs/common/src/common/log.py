"""Structured logs: one JSON object a line on stdout, or columns for people.

The event is a constant `noun.past_verb`, facts are keys. Nothing here may carry a token, a bio or an e-mail: a last
processor masks what looks like one, and of exceptions only what fault.py tells is written.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import TextIO

import structlog

from common.fault import describe, trace
from common.tracing.span import write_ids

_SECRET = re.compile(
    r"eyJ[A-Za-z0-9_+/-]{12,}={0,2}(?:\.[A-Za-z0-9_-]*){0,2}"  # a JWT, cut off or whole; a token of QStash
    r"|sig_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,}|sk_[A-Za-z0-9_]{16,}"
    r"|postgres[a-z+]*://[^\s@]+@|[a-z][a-z0-9+.-]{1,20}://[^\s@/]+@"
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_MARK = re.compile(r"eyJ|sig_|whsec_|sk_|://|@")  # what holds none of these, holds nothing of _SECRET
_TEXT_MAX = 500
_SEARCHED_MAX = 16_384  # a secret that begins before the cut is masked whole


def configure_logging(*, level: str, form: str, stream: TextIO | None = None) -> None:
    """Set up structlog for the process; `form` is `json` or `console`. Libraries log from WARNING upwards.

    `stream` is stdout unless a command needs that for what it answers.
    """
    stream = stream or sys.stdout
    number = logging.getLevelNamesMapping()[level.upper()]
    renderers: list[structlog.typing.Processor] = (
        [render_masked] if form == "json" else [mask, structlog.dev.ConsoleRenderer()]
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        write_ids,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, write_exception, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                write_exception,
                *renderers,
            ],
        )
    )
    handler.addFilter(hide_texts)
    handler.setLevel(max(number, logging.WARNING))  # psycopg sets a level of its own, below the root's
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(handler.level)
    sys.excepthook = _log_end


def _log_end(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    """What ends the process is a line like any other, not a page on stderr with whatever was in the exception."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, place)
        return
    structlog.get_logger().critical("process.broke", error=kind.__name__, exc_info=error)


def write_exception(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """The exception of the event as text, without what its author wrote into it."""
    given = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    elif given is True:
        given = sys.exc_info()[1]
    if isinstance(given, BaseException):
        event["exception"] = trace(given)
    return event


def hide_texts(record: logging.LogRecord) -> bool:
    """Libraries write exceptions into their messages; asyncio writes the task, which shows its exception."""
    if isinstance(record.args, tuple):
        record.args = tuple(describe(one) if isinstance(one, BaseException) else one for one in record.args)
    if record.name == "asyncio":
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


# One for all lines: json.dumps makes an encoder each time.
_PLAIN = json.JSONEncoder()


def render_masked(_: object, name: str, event: MutableMapping[str, object]) -> str:
    """The masked event as a line of JSON.

    Most events have nothing to mask, and one look at the whole line tells so: JSON writes every mark as it is.
    """
    try:
        line = _PLAIN.encode(event)
    except (TypeError, ValueError):
        return _PLAIN.encode(mask(None, name, event))
    if len(line) <= _TEXT_MAX and not _MARK.search(line):
        return line
    return _PLAIN.encode(mask(None, name, event))


def mask(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Mask what looks like a secret or an address in every text, however deep, and cap its length."""
    for key, value in event.items():
        event[key] = _SECRET.sub("[masked]", str(value)) if key == "exception" else _masked(value)
    return event


def _masked(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _SECRET.sub("[masked]", value[:_SEARCHED_MAX])[:_TEXT_MAX]
        case BaseException():
            return _masked(describe(value))
        case Mapping():
            return {str(_masked(key)): _masked(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(inner) for inner in value]
        case _:
            return _masked(repr(value))
