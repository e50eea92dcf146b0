"""Schedules: create or replace, read, pause, resume, delete."""

from datetime import UTC, datetime
from typing import Any

from local.qstash.account import Account, now_ms
from local.qstash.error import NotSupportedError, QuotaError
from local.qstash.header import first
from local.qstash.identity import new_id
from local.qstash.message import State
from local.qstash.option import read_options
from local.qstash.schedule import Schedule, check_schedule_id, read_cron
from local.qstash.server import Server
from local.qstash.target import read_target
from local.qstash.view import tell_schedule
from local.qstash.wire import Call, Reply

OUTCOMES = {State.DELIVERED: "SUCCESS", State.FAILED: "FAIL", State.CANCELED: "FAIL"}


async def create(server: Server, call: Call) -> Reply:
    """An id that exists is replaced, and keeps its time of creation."""
    target = read_target(call.groups["destination"], call.query)
    published = call.headers + target.settings
    if first(published, "Upstash-Queue-Name"):
        raise NotSupportedError("queues")
    await server.publisher.check(target.url)
    chosen_id = first(published, "Upstash-Schedule-Id")
    schedule = Schedule(
        id=check_schedule_id(chosen_id) if chosen_id else new_id("scd"),
        cron=read_cron(first(published, "Upstash-Cron")),
        url=target.url,
        body=call.body,
        options=read_options(published, server.plan),
        published=published,
        created_at_ms=now_ms(),
        caller_ip=call.caller_ip,
    )
    old = call.account.schedules.get(schedule.id)
    if old is not None:
        schedule.created_at_ms = old.created_at_ms
    elif len(call.account.schedules) >= server.plan.schedule_count_max:
        raise QuotaError("quota maxSchedules exceeded")
    server.scheduler.put(call.account, schedule)
    return Reply(200, {"scheduleId": schedule.id})


async def list_schedules(server: Server, call: Call) -> Reply:
    del server
    return Reply(200, [_told(call.account, schedule) for schedule in call.account.schedules.values()])


async def read(server: Server, call: Call) -> Reply:
    del server
    return Reply(200, _told(call.account, call.account.schedule(call.part("id"))))


async def delete(server: Server, call: Call) -> Reply:
    schedule = call.account.schedule(call.part("id"))
    server.scheduler.remove(call.account, schedule.id)
    return Reply()


async def pause(server: Server, call: Call) -> Reply:
    del server
    call.account.schedule(call.part("id")).is_paused = True
    return Reply()


async def resume(server: Server, call: Call) -> Reply:
    del server
    call.account.schedule(call.part("id")).is_paused = False
    return Reply()


def _told(account: Account, schedule: Schedule) -> dict[str, Any]:
    next_run_at_ms = int(schedule.cron.next_after(datetime.now(UTC)).timestamp() * 1000)
    record = account.records.get(schedule.last_message_id or "")
    last_states = {record.message.id: OUTCOMES.get(record.state, "IN_PROGRESS")} if record is not None else {}
    return tell_schedule(schedule, None if schedule.is_paused else next_run_at_ms, last_states)
