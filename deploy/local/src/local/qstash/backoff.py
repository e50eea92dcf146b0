"""How long to wait before a message is tried again.

A destination's wish comes first, then the publisher's expression, then the normal back-off. The order of the first two
is not documented.
"""

import math
from datetime import datetime, timedelta

from local.qstash.duration import parse_retry_after
from local.qstash.expression import ExpressionError, parse
from local.qstash.header import Pairs, first

WAIT_MAX = timedelta(days=1)
WISH_HEADERS = ("Retry-After", "X-RateLimit-Reset", "X-RateLimit-Reset-Requests", "X-RateLimit-Reset-Tokens")


def normal_wait(retried: int) -> timedelta:
    """The wait before retry number `retried + 1`: 12 s, 2 m 28 s, 30 m 8 s, 6 h 7 m, then a day each."""
    exponent = 2.5 * (retried + 1)
    if exponent >= math.log(WAIT_MAX.total_seconds()):
        return WAIT_MAX
    return timedelta(seconds=math.exp(exponent))


def wait_before_retry(retried: int, retry_delay: str | None, answer_headers: Pairs, now: datetime) -> timedelta:
    """The wait after attempt number `retried` (0 is the first) failed with these headers."""
    wish = _wish(answer_headers, now)
    if wish is not None:
        return wish
    if retry_delay is None:
        return normal_wait(retried)
    try:
        wait_ms = parse(retry_delay)(retried)
    except ExpressionError:
        return normal_wait(retried)
    return timedelta(milliseconds=min(max(wait_ms, 0.0), WAIT_MAX / timedelta(milliseconds=1)))


def _wish(headers: Pairs, now: datetime) -> timedelta | None:
    """What the destination asked for; more than a day does not count."""
    for name in WISH_HEADERS:
        text = first(headers, name)
        wait = parse_retry_after(text, now) if text is not None else None
        if wait is not None:
            return wait if wait <= WAIT_MAX else None
    return None
