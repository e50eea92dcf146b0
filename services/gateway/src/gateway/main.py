"""The console command `gateway`."""

import asyncio
import gc
import sys

import structlog
import uvicorn

from common.errors import ConfigurationError
from common.log import configure_logging
from gateway.app import create_app
from gateway.composition import Settings, open_gateway, read_gateway_settings
from gateway.server import Ending, listen, make_server

log = structlog.get_logger()

EXIT_FAILED = 1
EXIT_CONFIGURATION = 2


async def serve(settings: Settings) -> bool:
    """Serve until told to stop; False if that was because a part was lost."""
    ending = Ending()
    async with open_gateway(settings, on_lost=ending.lose) as gateway:
        server = make_server(create_app(gateway), settings.server)
        # What is here now stays to the end; to look through it again and again for garbage takes a tenth of all time.
        gc.collect()
        gc.freeze()
        with listen(settings.server) as listener:
            gc.freeze()  # what is there now stays; to look through it again stops everything for 50 ms
            ending.attach(server, gateway.life)
            log.info("server.started", port=settings.server.port)
            await server.serve([listener])
        ending.settle()
    log.info("server.stopped")
    return not ending.is_lost


def main() -> None:
    """Run the gateway; exit code 0 after a signal, 2 if the environment is wrong, 1 if anything else is."""
    try:
        settings = read_gateway_settings()
        configure_logging(level=settings.server.log_level, form=settings.server.log_format)
        loop_factory = uvicorn.Config("", loop="uvloop", log_config=None).get_loop_factory()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            is_well = runner.run(serve(settings))
    except ConfigurationError as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201 - before there is a log
        sys.exit(EXIT_CONFIGURATION)
    sys.exit(0 if is_well else EXIT_FAILED)
