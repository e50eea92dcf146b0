"""The console command `webhook`."""

import asyncio
import gc
import sys

import structlog
import uvicorn

from common.errors import ConfigurationError
from common.log import configure_logging
from common.resources.process import open_resources
from webhook.app import create_app
from webhook.composition import NAME, Settings, compose, read_webhook_settings
from webhook.server import Ending, make_server
from webhook.sweep import run_sweep

log = structlog.get_logger()

EXIT_FAILED = 1
EXIT_CONFIGURATION = 2
POOL_MAX = 8
SWEEP_END_MAX_S = 3.0


async def serve(settings: Settings) -> bool:
    """Serve until told to stop; False if that was because a part was lost."""
    ending = Ending()
    doors = settings.doors
    async with open_resources(doors, name=NAME, pool_max=POOL_MAX, on_lost=lambda: ending.lose("nats")) as resources:
        webhook = compose(settings, resources)
        server = make_server(create_app(webhook), settings.server)
        ending.attach(server, webhook.life)
        sweeping = asyncio.create_task(run_sweep(resources, ending.stop))
        sweeping.add_done_callback(lambda _: ending.lose("sweep"))
        # What is here now stays to the end; to look through it again and again for garbage takes a tenth of all time.
        gc.collect()
        gc.freeze()
        log.info("service.started", service=NAME, port=settings.server.port)
        try:
            await server.serve()
        finally:
            ending.stop.set()
            await _settle(sweeping)
    log.info("service.stopped", service=NAME)
    return not ending.is_lost


async def _settle(task: "asyncio.Task[None]") -> None:
    """Let it end, or end it; what it fell over is in the log."""
    done, _ = await asyncio.wait({task}, timeout=SWEEP_END_MAX_S)
    if not done:
        task.cancel()
    result = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(result, Exception):
        log.error("sweep.broke", error=type(result).__name__, exc_info=result)


def main() -> None:
    """Run the webhook; exit code 0 after a signal, 2 if the environment is wrong, 1 if a part was lost."""
    try:
        settings = read_webhook_settings()
        configure_logging(level=settings.server.log_level, form=settings.server.log_format)
        loop_factory = uvicorn.Config("", loop="uvloop", log_config=None).get_loop_factory()
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            is_well = runner.run(serve(settings))
    except ConfigurationError as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        sys.exit(EXIT_CONFIGURATION)
    sys.exit(0 if is_well else EXIT_FAILED)


if __name__ == "__main__":
    main()
