"""`local live-check`: a few real calls, to see whether the upstream still answers in the shapes that are read."""

import asyncio
import importlib
import os
from collections.abc import Mapping, Sequence

from rich.console import Console

from common.clock import Clock
from common.domain.job import PlatformName
from common.engine.live_check import Report
from common.errors import ConfigurationError
from common.platform import Platform
from common.settings import UpstreamSettings, is_loopback_url, read_settings
from common.upstream.client import ScrapeCreators
from common.worker.live_check import LiveCheck
from local.live_check.expectation import HANDLES, RELIED_ON, WORD
from local.live_check.sheet import findings_table, lines_below
from local.stack import KEY_VARIABLE

CANNOT_WORK = 2


def run_live_check(console: Console, platform: str | None = None) -> int:
    """0 if every shape held, or if there is no key to ask with; 1 if not; 2 if the environment cannot work."""
    if not os.environ.get(KEY_VARIABLE, "").strip():
        console.print(f"Nothing was asked: {KEY_VARIABLE} is not set.", highlight=False)
        return 0
    try:
        (settings,) = read_settings(UpstreamSettings)
    except ConfigurationError as error:
        console.print(f"live-check: {error}", markup=False, highlight=False)
        return CANNOT_WORK
    names = list(PlatformName) if platform is None else [PlatformName(platform)]
    report = asyncio.run(_check(settings, [load_table(name) for name in names]))
    console.print(findings_table(report.findings))
    for line in lines_below(report):
        console.print(line, style="red" if report.stopped and line.startswith("Stopped") else "", highlight=False)
    return 0 if report.is_held else 1


def load_table(name: PlatformName) -> Platform:
    """A platform's table by its name: nobody imports a service, and a check of all of them must know none."""
    module = importlib.import_module(f"{name}.table")
    return next(value for value in vars(module).values() if isinstance(value, Platform))


def whom_to_ask(base_url: str) -> Mapping[PlatformName, str]:
    """The platforms' own accounts; nobody on loopback: the stand-in knows none of them, and its people are invented, so
    there whoever a search finds first is asked for."""
    return {} if is_loopback_url(base_url) else HANDLES


async def _check(settings: UpstreamSettings, platforms: Sequence[Platform]) -> Report:
    upstream = ScrapeCreators(settings, Clock())
    handles = whom_to_ask(settings.scrapecreators_base_url)
    try:
        return await LiveCheck(upstream, word=WORD, handles=handles, relied_on=RELIED_ON).run(platforms)
    finally:
        await upstream.close()
