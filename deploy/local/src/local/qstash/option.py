"""What a publisher asks for, read once from the `Upstash-*` headers. Raises the refusals of the real server."""

import re
from dataclasses import dataclass
from datetime import timedelta

from local.qstash.duration import parse_span
from local.qstash.error import BadRequestError, QuotaError
from local.qstash.expression import ExpressionError, parse
from local.qstash.header import NOT_FORWARDED, Pairs, canonical, first, under, without
from local.qstash.plan import Plan
from local.qstash.target import read_address

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_INTEGER = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Callback:
    """Where to tell of an attempt; `settings` are headers as if the callback were published."""

    url: str
    settings: Pairs


@dataclass(frozen=True, slots=True)
class Flow:
    """Flow control: kept and shown, not enforced."""

    key: str
    parallelism: int | None
    rate: int | None
    period_s: int


@dataclass(frozen=True, slots=True)
class Options:
    """One message's settings. `headers` are the publisher's for the destination, their names as Go writes them."""

    method: str
    headers: Pairs
    retries: int
    delay: timedelta | None
    not_before_s: int | None
    retry_delay: str | None
    timeout: timedelta
    callback: Callback | None
    failure_callback: Callback | None
    deduplication_id: str | None
    is_content_deduplicated: bool
    labels: tuple[str, ...]
    flow: Flow | None
    redacted: frozenset[str]


def read_options(pairs: Pairs, plan: Plan) -> Options:
    """Raises BadRequestError or QuotaError."""
    return Options(
        method=_method(pairs),
        headers=_forwarded(pairs),
        retries=_retries(pairs, plan),
        delay=_delay(pairs, plan),
        not_before_s=_integer(pairs, "Upstash-Not-Before"),
        retry_delay=_retry_delay(pairs),
        timeout=min(_span(pairs, "Upstash-Timeout") or plan.response_max, plan.response_max),
        callback=_callback(pairs, "Upstash-Callback"),
        failure_callback=_callback(pairs, "Upstash-Failure-Callback"),
        deduplication_id=_deduplication_id(pairs),
        is_content_deduplicated=_flag(pairs, "Upstash-Content-Based-Deduplication"),
        labels=_listed(pairs, "Upstash-Label"),
        flow=_flow(pairs),
        redacted=frozenset(part.lower() for part in _listed(pairs, "Upstash-Redact-Fields")),
    )


def _method(pairs: Pairs) -> str:
    method = (first(pairs, "Upstash-Method") or "POST").upper()
    if method not in METHODS:
        raise BadRequestError(f"invalid method: {method}")
    return method


def _forwarded(pairs: Pairs) -> Pairs:
    """Content-Type, then what came as Upstash-Forward-*, which wins; all of the request's if asked for."""
    everything = _flag(pairs, "Upstash-Header-Forward")
    named = under(pairs, "Upstash-Forward-")
    plain = tuple(
        (name, value)
        for name, value in pairs
        if name.lower() == "content-type" or (everything and not name.lower().startswith("upstash-"))
    )
    # The publisher's own Authorization is its QStash token; one for the destination comes as Upstash-Forward-.
    kept = without(plain, NOT_FORWARDED | {name.lower() for name, _ in named})
    return tuple((canonical(name), value) for name, value in kept + without(named, NOT_FORWARDED - {"authorization"}))


def _retries(pairs: Pairs, plan: Plan) -> int:
    retries = _integer(pairs, "Upstash-Retries")
    if retries is None:
        return plan.retries_default
    if retries > plan.retries_max:
        raise QuotaError("quota maxRetries exceeded", status=400)
    return retries


def _delay(pairs: Pairs, plan: Plan) -> timedelta | None:
    delay = _span(pairs, "Upstash-Delay")
    if delay is not None and delay > plan.delay_max:
        limit_s = int(plan.delay_max.total_seconds())
        raise QuotaError(f"quota maxDelay exceeded, current limit: {limit_s}", status=400)
    return delay


def _retry_delay(pairs: Pairs) -> str | None:
    text = first(pairs, "Upstash-Retry-Delay")
    if not text:
        return None
    try:
        parse(text)
    except ExpressionError as error:
        raise BadRequestError(f"invalid retry delay: {error}") from error
    return text


def _callback(pairs: Pairs, name: str) -> Callback | None:
    url = first(pairs, name)
    if not url:
        return None
    read_address(url, "callback")
    return Callback(url, tuple((f"Upstash-{rest}", value) for rest, value in under(pairs, f"{name}-")))


def _deduplication_id(pairs: Pairs) -> str | None:
    text = first(pairs, "Upstash-Deduplication-Id")
    if text and ":" in text:
        raise BadRequestError("DeduplicationId cannot contain ':'")
    return text or None


def _flow(pairs: Pairs) -> Flow | None:
    key = first(pairs, "Upstash-Flow-Control-Key")
    if not key:
        return None
    parts = {
        name.strip(): value.strip()
        for name, _, value in (part.partition("=") for part in _listed(pairs, "Upstash-Flow-Control-Value"))
    }
    period = parse_span(parts.get("period", "1s"))
    if period is None or not all(_INTEGER.fullmatch(parts.get(name, "0")) for name in ("parallelism", "rate")):
        raise BadRequestError("invalid flow control value")
    return Flow(
        key,
        int(parts["parallelism"]) if "parallelism" in parts else None,
        int(parts["rate"]) if "rate" in parts else None,
        int(period.total_seconds()),
    )


def _integer(pairs: Pairs, name: str) -> int | None:
    text = first(pairs, name)
    if not text:
        return None
    if not _INTEGER.fullmatch(text.strip()):
        raise BadRequestError(f"invalid {name}: {text}")
    return int(text)


def _span(pairs: Pairs, name: str) -> timedelta | None:
    text = first(pairs, name)
    if not text:
        return None
    span = parse_span(text)
    if span is None:
        raise BadRequestError(f"invalid {name}: {text}")
    return span


def _flag(pairs: Pairs, name: str) -> bool:
    """As Go reads it: the Python SDK writes True, the other one true."""
    text = first(pairs, name) or "false"
    if text not in _TRUE | _FALSE:
        raise BadRequestError(f"invalid {name}: {text}")
    return text in _TRUE


def _listed(pairs: Pairs, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (first(pairs, name) or "").split(",") if part.strip())
