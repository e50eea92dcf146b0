"""DBOS: a job is a durable workflow in Postgres, each step a checkpoint; its next step is in the same process. What an
executor had in hand is recovered when an executor of the same name starts (DBOS without Conductor)."""

import asyncio
import os
import signal

from dbos import DBOS, DBOSConfig
from work import ENGINE, NAME, STEPS, Work, dispatch

# A job keeps its place in the queue while it runs: all at once, as with the others; in a crash half of them each.
JOBS_MAX = int(os.environ.get("PEER_JOBS", "100"))
work = Work()
config: DBOSConfig = {
    "name": "peer",
    "system_database_url": ENGINE,
    "application_version": "1",
    "executor_id": NAME,
    "log_level": "WARNING",
}
DBOS(config=config)


@DBOS.step()
async def step(job: int, number: int) -> None:
    await work.perform(job, number, lambda: asyncio.sleep(0))


@DBOS.workflow()
async def run(job: int, steps: int) -> None:
    for number in range(steps):
        await step(job, number)


def _launch() -> None:
    DBOS.launch()
    DBOS.register_queue("jobs", worker_concurrency=JOBS_MAX, polling_interval_sec=0.1)


def _work() -> None:
    work.load()
    _launch()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    DBOS.destroy()


def _enqueue(jobs: range) -> None:
    DBOS.listen_queues([])
    _launch()
    for job in jobs:
        DBOS.enqueue_workflow("jobs", run, job, STEPS)
    DBOS.destroy()


if __name__ == "__main__":
    dispatch(worker=_work, enqueue=_enqueue, prepare=lambda: (_launch(), DBOS.destroy()))
