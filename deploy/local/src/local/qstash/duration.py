"""Durations and instants as they are written in QStash's headers and in answers of destinations."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

_SPAN = re.compile(r"(?:\d{1,10}[smhd])+", re.ASCII)
_SPAN_PART = re.compile(r"(\d+)([smhd])", re.ASCII)
_SPAN_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_GO = re.compile(r"(?:\d{1,10}(?:\.\d{1,9})?(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_GO_PART = re.compile(r"([\d.]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_SECONDS_MAX = 10**11


def parse_span(text: str) -> timedelta | None:
    """A delay or timeout: `50s`, `1d10h30m`, or a bare number of seconds. None if it is not one."""
    text = text.strip()
    if _NUMBER.fullmatch(text) and "." not in text:
        return _seconds(int(text))
    if not _SPAN.fullmatch(text):
        return None
    return _seconds(sum(int(count) * _SPAN_UNITS[unit] for count, unit in _SPAN_PART.findall(text)))


def parse_go_duration(text: str) -> timedelta | None:
    """`6m5s`, `1.5h`, `250ms`. None if it is not one."""
    if not _GO.fullmatch(text):
        return None
    return _seconds(sum(float(count) * _GO_UNITS[unit] for count, unit in _GO_PART.findall(text)))


def parse_retry_after(text: str, now: datetime) -> timedelta | None:
    """How long to wait, from seconds, an RFC 1123 date or a Go duration; a date in the past means at once."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return _seconds(float(text))
    return parse_go_duration(text) or _until(text, now)


def format_rfc1123(instant: datetime) -> str:
    return format_datetime(instant.astimezone(UTC), usegmt=True)


def _until(text: str, now: datetime) -> timedelta | None:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(instant.replace(tzinfo=instant.tzinfo or UTC) - now, timedelta())


def _seconds(count: float) -> timedelta | None:
    return timedelta(seconds=count) if count <= _SECONDS_MAX else None
