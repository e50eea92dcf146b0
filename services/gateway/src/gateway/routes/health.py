"""What probes and Prometheus ask. The only routes that want no token."""

from litestar import Response, get
from litestar.di import NamedDependency

from common.db.pool import DATABASE_UNAVAILABLE
from common.metric.registry import MEDIA_TYPE
from gateway.composition import Gateway


@get("/livez")
async def livez() -> Response[bytes]:
    """The process answers."""
    return Response(b"ok\n", media_type="text/plain")


@get("/readyz")
async def readyz(gateway: NamedDependency[Gateway]) -> Response[bytes]:
    """It wants requests and can serve them; else 503 and what is missing."""
    missing = [name for name, is_there in (await _looks(gateway)).items() if not is_there]
    if missing:
        return Response(f"not ready: {', '.join(missing)}\n".encode(), status_code=503, media_type="text/plain")
    return Response(b"ok\n", media_type="text/plain")


@get("/metrics")
async def metrics(gateway: NamedDependency[Gateway]) -> Response[bytes]:
    return Response(gateway.metrics.render(), headers={"Content-Type": MEDIA_TYPE})


async def _looks(gateway: Gateway) -> dict[str, bool]:
    if gateway.life.is_draining:
        return {"draining": False}
    return {
        "database": await _answers(gateway),
        "nats": gateway.resources.messaging.is_connected,
        "keys": gateway.keys.is_ready,
    }


async def _answers(gateway: Gateway) -> bool:
    # Without a timeout of its own: to cancel a wait for a connection costs the pool one on Python 3.11.
    try:
        async with gateway.resources.database.connection() as connection:
            await connection.execute("select 1")
    except DATABASE_UNAVAILABLE:
        return False
    return True
