"""The floor of accepting a delivery: a bare ASGI handler that puts the body into the stream and then keeps an id.

It runs as the webhook does: the same server, event loop, number of connections to Postgres, connection to NATS, and the
two effects that cannot be left out. It believes everything, looks at nothing, writes no log and counts nothing.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from nats.js import JetStreamContext
from psycopg_pool import AsyncConnectionPool

from common.messaging.connection import connect_messaging
from common.messaging.topology import STEPS, step_subject
from common.settings import DatabaseSettings, NatsSettings, read_settings
from local.bench.gateway.serving import run, serve

POOL_MAX: Final = 8
_ID: Final = b"upstash-message-id"
_ANSWER: Final = b'{"status":"accepted"}'
_HEADERS: Final = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER)).encode())]
_SUBJECT: Final = step_subject("tiktok")

Event = MutableMapping[str, Any]


class Bare:
    """The handler."""

    def __init__(self, jetstream: JetStreamContext, pool: AsyncConnectionPool[Any]) -> None:
        self._jetstream = jetstream
        self._pool = pool

    async def __call__(
        self, scope: Event, receive: Callable[[], Awaitable[Event]], send: Callable[[Event], Awaitable[None]]
    ) -> None:
        identity = next(value for name, value in scope["headers"] if name == _ID).decode()
        body = (await receive())["body"]
        await self._jetstream.publish(_SUBJECT, body, stream=STEPS, headers={"Nats-Msg-Id": identity})
        async with self._pool.connection() as connection:
            await connection.execute(
                """insert into qstash_deliveries (jti, message_id) values (%(jti)s, %(message_id)s)
                   on conflict do nothing returning 1""",
                {"jti": identity, "message_id": identity},
            )
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _ANSWER})


async def _serve(port: int) -> None:
    database, nats = read_settings(DatabaseSettings, NatsSettings)
    assert isinstance(database, DatabaseSettings)
    assert isinstance(nats, NatsSettings)
    messaging = await connect_messaging(nats, name="webhook", on_lost=lambda: None)
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        database.database_url.get_secret_value(),
        kwargs={"autocommit": True, "prepare_threshold": 1},
        min_size=POOL_MAX,
        max_size=POOL_MAX,
        open=False,
    )
    async with pool:
        await serve(Bare(messaging.jetstream, pool), port)
    await messaging.close()


if __name__ == "__main__":
    run(_serve(int(sys.argv[1])))
