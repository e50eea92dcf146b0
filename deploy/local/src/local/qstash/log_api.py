"""The log and the signing keys."""

from local.qstash.filter import EVENT, Facts, message_facts, read_filter, read_page, read_query
from local.qstash.message import Event
from local.qstash.server import Server
from local.qstash.view import tell_event
from local.qstash.wire import Call, Reply

COUNT_MAX = 1000
IN_PROGRESS = "IN_PROGRESS"
IN_PROGRESS_STATES = frozenset({"ACTIVE", "RETRY", "ERROR"})


async def list_events(server: Server, call: Call) -> Reply:
    """Under both names: the SDKs read `events`, the documentation says `logs`."""
    del server
    query = read_query(call.query, EVENT)
    wanted, page = read_filter(query), read_page(query, COUNT_MAX, is_latest_first=True)
    events = [(event.number, event) for event in call.account.events if wanted.matches(_facts(event), event.time_ms)]
    kept, last = page.cut(events)
    told = [tell_event(event) for event in kept]
    return Reply(
        200, {"events": told, "logs": told} | ({} if last is None else {"cursor": f"{kept[-1].time_ms}-{last}"})
    )


async def read_keys(server: Server, call: Call) -> Reply:
    del server
    return Reply(200, {"current": call.account.current_key, "next": call.account.next_key})


async def rotate_keys(server: Server, call: Call) -> Reply:
    call.account.rotate_keys()
    return await read_keys(server, call)


def _facts(event: Event) -> Facts:
    states = {event.state.value} | ({IN_PROGRESS} if event.state.value in IN_PROGRESS_STATES else set())
    status = {str(event.answer.status)} if event.answer is not None else set[str]()
    return message_facts(event.message) | {"state": frozenset(states), "responseStatus": frozenset(status)}
