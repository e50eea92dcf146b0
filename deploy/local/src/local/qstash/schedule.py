"""Schedules: a message, and the cron expression that says when it is published, in UTC unless CRON_TZ is given."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterError

from local.qstash.error import BadRequestError
from local.qstash.header import Pairs
from local.qstash.option import Options

_ID = re.compile(r"[A-Za-z0-9._-]{1,256}", re.ASCII)
_ZONE = re.compile(r"(?:CRON_TZ|TZ)=(\S+)\s+(.+)", re.ASCII)
_FIELD_COUNT = 5


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression that was understood."""

    text: str
    fields: str
    zone: ZoneInfo

    def next_after(self, instant: datetime) -> datetime:
        """The first run after this instant, in UTC."""
        local = instant.astimezone(self.zone)
        following: datetime = croniter(self.fields, local, ret_type=datetime).get_next(datetime)
        return following.astimezone(UTC)


@dataclass(slots=True)
class Schedule:
    """What is published at every run, and what came of the last one."""

    id: str
    cron: Cron
    url: str
    body: bytes
    options: Options
    published: Pairs
    created_at_ms: int
    caller_ip: str
    is_paused: bool = False
    last_run_at_ms: int | None = None
    last_message_id: str | None = None
    error: str | None = None


def read_cron(text: str | None) -> Cron:
    """Raises BadRequestError."""
    text = (text or "").strip()
    match = _ZONE.fullmatch(text)
    zone_name, expression = match.groups() if match else ("UTC", text)
    if len(expression.split()) != _FIELD_COUNT:
        raise BadRequestError(f"invalid cron: {text}")
    try:
        zone = ZoneInfo(zone_name)
        croniter(expression)
    except (CroniterError, KeyError, ValueError, OSError) as error:
        raise BadRequestError(f"invalid cron: {text}") from error
    return Cron(text, expression, zone)


def check_schedule_id(text: str) -> str:
    """Raises BadRequestError."""
    if not _ID.fullmatch(text):
        raise BadRequestError("invalid schedule id: only alphanumerics, hyphens, underscores and periods are allowed")
    return text
