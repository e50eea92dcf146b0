"""The benchmark's parts, in the order in which they run: a table of names and where each is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, cast

from bench.row import Bench, Finding


@dataclass(frozen=True, slots=True)
class Part:
    """`module` has a function `run(Bench) -> Finding`, which starts what it needs and ends it. With `is_opened` it has
    `opened(Bench)`, too, a context that stands while all parts run, and `run` gets what that yields as well."""

    name: str
    title: str
    module: str
    is_opened: bool = False

    def opened(self, bench: Bench) -> AbstractContextManager[Any]:
        return cast(Callable[[Bench], AbstractContextManager[Any]], import_module(self.module).opened)(bench)

    def run(self, bench: Bench, *opened: object) -> Finding:
        return cast(Callable[..., Finding], import_module(self.module).run)(bench, *opened)


PARTS: Final = (
    Part("parse", "Reading a page", "bench.parse.part"),
    Part("accept", "Accepting a delivery", "bench.accept.part"),
    Part("requests", "Polls and pages", "bench.requests.part"),
    Part("handoff", "From step to step", "bench.handoff.part"),
    Part("steps", "Steps a second", "bench.steps.part"),
    Part("peers", "Beside other engines", "bench.peers.part"),
    Part("growth", "When much has happened", "bench.growth.part"),
    Part("jobs", "Whole jobs", "bench.jobs.part", is_opened=True),
)
