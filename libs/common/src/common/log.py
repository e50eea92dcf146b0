"""Structured logs: one JSON object a line on stdout, or columns for people.

The event is a constant `noun.past_verb`, facts are keys. Nothing here may carry a token, a bio or an e-mail: a last
processor masks what looks like one.
"""

import logging
import re
import sys
from collections.abc import MutableMapping

import structlog

_SECRET = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"  # a JWT
    r"|sig_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,}|sk_[A-Za-z0-9_]{16,}"
    r"|postgres(?:ql)?://[^\s@]+@"
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_TEXT_MAX = 500


def configure_logging(*, level: str, form: str) -> None:
    """Set up structlog for the process; `form` is `json` or `console`. Libraries log from WARNING upwards."""
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, mask, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))


def mask(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Mask what looks like a secret or an address in every text, and cap its length."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _SECRET.sub("[masked]", value if key == "exception" else value[:_TEXT_MAX])
    return event
