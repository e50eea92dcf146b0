"""The stand-in as one ASGI application: the REST API at the root, its control under `/_standin/`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

from local.qstash.api import Api
from local.qstash.control import Control
from local.qstash.keys import USERS, User
from local.qstash.plan import FREE, Plan
from local.qstash.server import Server, open_server
from local.qstash.switch import Switchboard, Switches


def build(switches: Switches, plan: Plan = FREE, users: tuple[User, ...] = USERS) -> Starlette:
    """The application, for these users; to be served with `wire.Protocol`, else no reply can be dropped."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with open_server(Switchboard(switches), plan, users) as server:
            app.state.server = server
            yield

    def running() -> Server:
        return app.state.server

    app = Starlette(
        routes=[Mount("/_standin", routes=Control(running).routes()), Mount("/", app=Api(running))],
        lifespan=lifespan,
    )
    return app
