"""What is tested here takes long or starts much: `make security` runs it, with whatever else is marked `security`."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.security)
            item.add_marker(pytest.mark.server)
