"""Whether this process records spans: the SDK is imported only if it does."""

import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from common.telemetry.setting import TelemetrySettings
from common.tracing.span import record_with


@asynccontextmanager
async def open_telemetry(settings: TelemetrySettings | None, *, service: str) -> AsyncGenerator[None]:
    """Record spans while this is open, if the environment says where to. Raises ConfigurationError."""
    if settings is None or not settings.is_on:
        yield
        return
    export = importlib.import_module("common.telemetry.export").start_export(settings, service=service)
    record_with(export.recorder)
    try:
        yield
    finally:
        record_with(None)
        await export.close()
