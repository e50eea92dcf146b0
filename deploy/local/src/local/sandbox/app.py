"""The sandbox as one ASGI application: the upstream at the root, its control under `/_sandbox/`."""

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from local.sandbox.control import Control
from local.sandbox.fault import Fault
from local.sandbox.instagram import Instagram
from local.sandbox.latency import Latency
from local.sandbox.purse import Purse
from local.sandbox.tiktok import TikTok
from local.sandbox.upstream import Upstream
from local.sandbox.world import World
from local.sandbox.youtube import YouTube


@dataclass(frozen=True, slots=True)
class Options:
    """What a sandbox is started with."""

    seed: int = 7
    people: int = 3000  # creators that one query can reach
    credits: int = 25_000  # of each key
    latency: Latency = Latency.DEMO
    faults: list[Fault] = field(default_factory=list[Fault])


def build(options: Options) -> Starlette:
    """The application; the heavy parts of all videos are made here, in less than a tenth of a second."""
    world = World(options.seed, options.people)
    tiktok = TikTok(world)
    instagram = Instagram(world)
    youtube = YouTube(world)
    endpoints = {**tiktok.endpoints(), **instagram.endpoints(), **youtube.endpoints()}
    upstream = Upstream(endpoints, options.latency.seconds(), Purse(options.credits))
    upstream.faults.faults.extend(options.faults)
    control = Control(upstream, world, options.credits, [tiktok.reset, instagram.reset, youtube.reset])
    return Starlette(
        routes=[
            Route("/readyz", _ready),
            Mount("/_sandbox", routes=control.routes()),
            Mount("/", app=upstream),
        ]
    )


async def _ready(request: Request) -> PlainTextResponse:
    del request
    return PlainTextResponse("ok\n")
