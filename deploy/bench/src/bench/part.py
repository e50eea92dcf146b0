"""The benchmark's parts, in the order in which they run: a table of names and where each is."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from bench.row import Bench, Finding

Run = Callable[[Bench], Finding]


@dataclass(frozen=True, slots=True)
class Part:
    """`module` has a function `run(Bench) -> Finding`, which starts what it needs and ends it."""

    name: str
    title: str
    module: str

    def run(self, bench: Bench) -> Finding:
        run = cast(Run, import_module(self.module).run)
        return run(bench)


PARTS: Final = (
    Part("parse", "Reading a page", "bench.parse.part"),
    Part("growth", "When much has happened", "bench.growth.part"),
)
