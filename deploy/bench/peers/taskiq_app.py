"""taskiq with taskiq-nats: a pull consumer on JetStream, one message a pull, acknowledged when it was executed."""

import asyncio

import uvloop
from taskiq import TaskiqEvents, TaskiqState
from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.run import run_worker
from taskiq_nats import PullBasedJetStreamBroker
from work import ENGINE, SLOTS, Work, dispatch

work = Work()
broker = PullBasedJetStreamBroker(
    servers=ENGINE, subject="taskiq", stream_name="TASKIQ", durable="taskiq", pull_consume_batch=1
)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def _load(_: TaskiqState) -> None:
    work.load()


@broker.task(task_name="step")
async def step(job: int, number: int) -> None:
    await work.perform(job, number, lambda: step.kiq(job, number + 1))


async def _enqueue(jobs: range) -> None:
    await broker.startup()
    for job in jobs:
        await step.kiq(job, 0)
    await broker.shutdown()


def _work() -> None:
    arguments = ["taskiq_app:broker", "--workers", "1", "--max-async-tasks", str(SLOTS), "--ack-type", "when_executed"]
    run_worker(WorkerArgs.from_cli(arguments))


if __name__ == "__main__":
    uvloop.install()
    dispatch(
        worker=_work, enqueue=lambda jobs: asyncio.run(_enqueue(jobs)), prepare=lambda: asyncio.run(_enqueue(range(0)))
    )
