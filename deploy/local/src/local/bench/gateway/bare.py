"""What the gateway is measured against: one handler of Litestar's with nothing around it, that looks at one row by its
primary key and answers a little JSON; one that asks nobody; one that answers a page of results as Postgres wrote it.
The same server, event loop and pool as the gateway's (gateway/server.py)."""

import sys
from typing import Any
from uuid import UUID

from litestar import Litestar, get

from common.db.pool import Database
from common.settings import DatabaseSettings, read_settings
from local.bench.gateway.serving import run, serve

POOL_MAX = 8
_RESULTS = """select coalesce(json_agg(r), '[]')::text from (
    select c.seq, c.delivered_at, c.enrichment, c.likeness, c.followers, c.details
    from jobs j join candidates c on c.job_id = j.id
    where j.id = %s and c.seq > -1 order by c.seq limit 100) r"""


def create_app(database: Database) -> Litestar:
    @get("/jobs/{job_id:uuid}")
    async def read_job(job_id: UUID) -> dict[str, Any]:
        async with database.connection() as connection:
            cursor = await connection.execute("select event_seq, status from jobs where id = %s", [job_id])
            row = await cursor.fetchone()
        return {"eventSeq": row[0], "status": row[1]} if row else {}

    @get("/ping")
    async def ping() -> dict[str, Any]:
        return {}

    @get("/jobs/{job_id:uuid}/results", media_type="application/json")
    async def read_results(job_id: UUID) -> bytes:
        async with database.connection() as connection:
            cursor = await connection.execute(_RESULTS, [job_id])
            row = await cursor.fetchone()
        return row[0].encode() if row else b""

    return Litestar([read_job, ping, read_results], openapi_config=None, logging_config=None)


async def _serve(port: int) -> None:
    (settings,) = read_settings(DatabaseSettings)
    database = Database(settings, name="bare", size_max=POOL_MAX)
    await database.open()
    await serve(create_app(database), port, connections_max=2000)
    await database.close()


if __name__ == "__main__":
    run(_serve(int(sys.argv[1])))
