"""Publish, batch, and what is asked about messages under way."""

from local.qstash.account import Record
from local.qstash.courier import Draft
from local.qstash.filter import MESSAGE, message_facts, read_filter, read_query
from local.qstash.server import Server
from local.qstash.target import read_target
from local.qstash.view import tell_message
from local.qstash.wire import Call, Reply

OK, ACCEPTED = 200, 202


async def publish(server: Server, call: Call) -> Reply:
    """202 for a duplicate. Query parameters that are settings come after the headers, which win."""
    target = read_target(call.groups["destination"], call.query)
    draft = Draft(target.url, call.body, call.headers + target.settings, call.caller_ip)
    receipt = await server.publisher.publish(call.account, draft)
    return Reply(ACCEPTED if receipt.is_duplicate else OK, receipt.told())


async def publish_batch(server: Server, call: Call) -> Reply:
    return Reply(200, await server.publisher.publish_batch(call.account, call.body, call.caller_ip))


async def read(server: Server, call: Call) -> Reply:
    del server
    return Reply(200, tell_message(call.account.record(call.part("id")).message))


async def cancel(server: Server, call: Call) -> Reply:
    """404 if it is not known, zero if it is finished."""
    del server
    record = call.account.record(call.part("id"))
    return Reply(200, {"cancelled": _cancel(call, [record])})


async def cancel_many(server: Server, call: Call) -> Reply:
    """The ids may be in the body or in the query. Nothing said, or an empty list, means everything."""
    del server
    query = read_query(call.query, MESSAGE)
    if ids := call.json().get("messageIds"):
        query.setdefault("messageIds", []).extend(ids)
    wanted = read_filter(query)
    chosen = [
        record
        for record in call.account.cancellable()
        if wanted.matches(message_facts(record.message), record.message.created_at_ms)
    ]
    return Reply(200, {"cancelled": _cancel(call, chosen)})


def _cancel(call: Call, records: list[Record]) -> int:
    chosen = [one for one in records if not one.is_finished and not one.is_cancel_requested]
    for record in chosen:
        call.account.cancel(record)
    return len(chosen)
