"""Reads the dashboard with Grafana's own types and prints what they did not understand; silent if they did all.

Run with the Python of .venv-ship, where grafana-foundation-sdk is. Exit code 1 if anything was lost or changed.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog import plugins  # pyright: ignore
from grafana_foundation_sdk.cog.encoder import JSONEncoder  # pyright: ignore
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel, RowPanel  # pyright: ignore


def differences(given: Any, understood: Any, place: str = "") -> Iterator[str]:
    """What of `given` is not the same in `understood`; what the types add by default is no difference."""
    match given, understood:
        case dict(), dict():
            for name, value in given.items():
                if name in understood:
                    yield from differences(value, understood[name], f"{place}/{name}")
                else:
                    yield f"{place}/{name}: lost"
        case list(), list() if len(given) == len(understood):
            for number, (one, other) in enumerate(zip(given, understood, strict=True)):
                yield from differences(one, other, f"{place}/{number}")
        case _:
            if given != understood:
                yield f"{place}: {given!r} became {understood!r}"


def main() -> None:
    plugins.register_default_plugins()
    given = json.loads(Path(sys.argv[1]).read_text())
    board = Dashboard.from_json(given)
    found = list(differences(given, json.loads(JSONEncoder(sort_keys=True).encode(board))))
    for panel in board.panels or []:
        if not isinstance(panel, Panel | RowPanel):
            found.append(f"{panel!r} is no panel")
        elif isinstance(panel, Panel):
            # What no plugin knows stays a dictionary, and a typo in it would pass.
            found += [f"{panel.title}: {part!r}" for part in panel.targets or [] if isinstance(part, dict)]
            if isinstance(panel.options, dict) and panel.options:
                found.append(f"{panel.title}: options are of no plugin")
    for line in found:
        print(line)  # noqa: T201
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
