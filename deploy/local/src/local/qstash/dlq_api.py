"""The dead-letter list: read, delete, take up again."""

from local.qstash.error import BadRequestError
from local.qstash.filter import DEAD_LETTER, Query, message_facts, read_filter, read_page, read_query
from local.qstash.header import Pairs, under
from local.qstash.message import DeadLetter
from local.qstash.server import Server
from local.qstash.view import tell_dead_letter
from local.qstash.wire import Call, Reply

COUNT_MAX = 100
CREATED = 201


async def list_letters(server: Server, call: Call) -> Reply:
    del server
    letters, cursor = _chosen(call, read_query(call.query, DEAD_LETTER))
    return Reply(200, {"messages": [tell_dead_letter(letter) for letter in letters]} | cursor)


async def read(server: Server, call: Call) -> Reply:
    del server
    return Reply(200, tell_dead_letter(call.account.dead_letter(call.part("id"))))


async def delete(server: Server, call: Call) -> Reply:
    del server
    del call.account.dead_letters[call.account.dead_letter(call.part("id")).id]
    return Reply()


async def delete_many(server: Server, call: Call) -> Reply:
    """The ids may be in the body or in the query. Nothing said means everything, as on the real server."""
    del server
    query = read_query(call.query, DEAD_LETTER)
    if ids := call.json().get("dlqIds"):
        query.setdefault("dlqIds", []).extend(ids)
    letters, cursor = _chosen(call, query)
    for letter in letters:
        del call.account.dead_letters[letter.id]
    return Reply(200, {"deleted": len(letters)} | cursor)


async def retry(server: Server, call: Call) -> Reply:
    letter = call.account.dead_letter(call.part("id"))
    return Reply(CREATED, server.publisher.retry(call.account, letter, _overrides(call)).told())


async def retry_many(server: Server, call: Call) -> Reply:
    """The cursor is empty at the end, not missing: so does the real server, here alone."""
    letters, cursor = _chosen(call, read_query(call.query, DEAD_LETTER))
    overrides = _overrides(call)
    receipts = [server.publisher.retry(call.account, letter, overrides) for letter in letters]
    return Reply(CREATED, {"responses": [{"messageId": one.message_id} for one in receipts], "cursor": ""} | cursor)


def _chosen(call: Call, query: Query) -> tuple[list[DeadLetter], dict[str, str]]:
    wanted, page = read_filter(query), read_page(query, COUNT_MAX, is_latest_first=False)
    letters = [
        (letter.number, letter)
        for letter in call.account.dead_letters.values()
        if wanted.matches(_facts(letter), letter.time_ms)
    ]
    kept, last = page.cut(letters)
    return kept, {} if last is None else {"cursor": f"{kept[-1].time_ms}-{last}"}


def _facts(letter: DeadLetter) -> dict[str, frozenset[str]]:
    return message_facts(letter.message) | {
        "dlqId": frozenset({letter.id}),
        "responseStatus": frozenset({str(letter.answer.status)}),
    }


def _overrides(call: Call) -> Pairs:
    """Configuration headers of the request replace those of the message."""
    pairs = tuple((f"Upstash-{name}", value) for name, value in under(call.headers, "Upstash-"))
    if any(name.lower() in {"upstash-cron", "upstash-schedule-id"} for name, _ in pairs):
        raise BadRequestError("a dead letter cannot become a schedule")
    return pairs
