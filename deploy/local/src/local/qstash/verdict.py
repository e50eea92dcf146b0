"""Decides what an attempt's answer means for its message."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from local.qstash.backoff import wait_before_retry
from local.qstash.header import first
from local.qstash.message import Answer, Message

NON_RETRYABLE_STATUS = 489
NON_RETRYABLE_HEADER = "Upstash-NonRetryable-Error"


@dataclass(frozen=True, slots=True)
class Delivered:
    """Done."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after this long."""

    wait: timedelta


@dataclass(frozen=True, slots=True)
class Failed:
    """Give up: into the dead-letter list."""


Verdict = Delivered | Retry | Failed


def judge(message: Message, retried: int, answer: Answer, now: datetime) -> Verdict:
    """Any 2xx is success; anything else is tried again while retries are left, unless that is declared useless."""
    if answer.is_success:
        return Delivered()
    if _is_non_retryable(answer) or retried >= message.options.retries:
        return Failed()
    return Retry(wait_before_retry(retried, message.options.retry_delay, answer.headers, now))


def _is_non_retryable(answer: Answer) -> bool:
    """Both are needed, the status and the header."""
    if answer.status != NON_RETRYABLE_STATUS:
        return False
    return (first(answer.headers, NON_RETRYABLE_HEADER) or "").strip().lower() == "true"
