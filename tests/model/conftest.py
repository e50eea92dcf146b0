"""The plant of the model: opened once, because a database of its own for each example would take too long."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from local.nats import Nats

from .plant import Plant, open_plant


@pytest.fixture(scope="module")
def plant(module_database_url: str, nats_server: Nats) -> Iterator[Plant]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with open_plant(module_database_url, nats_server.url) as opened:
            yield opened
    finally:
        structlog.reset_defaults()
