"""Procrastinate: jobs in Postgres. Those of a dead worker are tried again by a periodic task, as its documentation has
it; there every ten minutes, here every ten seconds."""

import asyncio

import uvloop
from procrastinate import App, JobContext, PsycopgConnector
from work import ENGINE, SLOTS, Work, dispatch

work = Work()
app = App(connector=PsycopgConnector(conninfo=ENGINE, max_size=8))


@app.task(name="step")
async def step(job: int, number: int) -> None:
    await work.perform(job, number, lambda: step.defer_async(job=job, number=number + 1))


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(_: JobContext, timestamp: int) -> None:  # noqa: ARG001 - it is given
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)


async def _prepare() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def _work() -> None:
    work.load()
    async with app.open_async():
        await app.run_worker_async(concurrency=SLOTS)


async def _enqueue(jobs: range) -> None:
    async with app.open_async():
        for job in jobs:
            await step.defer_async(job=job, number=0)


if __name__ == "__main__":
    dispatch(
        worker=lambda: uvloop.run(_work()),
        enqueue=lambda jobs: asyncio.run(_enqueue(jobs)),
        prepare=lambda: asyncio.run(_prepare()),
    )
