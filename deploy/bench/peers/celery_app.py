"""Celery on Redis, with what its documentation asks for so that no task is lost with its worker: late acknowledgement,
rejection when a worker is lost, one task a prefetch. Its visibility timeout is its default, an hour."""

from celery import Celery
from celery.signals import worker_init
from work import ENGINE, SLOTS, Work, dispatch

work = Work()
app = Celery("celery_app", broker=ENGINE)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)


@worker_init.connect
def _open(**_: object) -> None:
    work.load_sync()


@app.task(name="step")
def step(job: int, number: int) -> None:
    work.perform_sync(job, number, lambda: step.delay(job, number + 1))


def _enqueue(jobs: range) -> None:
    for job in jobs:
        step.delay(job, 0)


if __name__ == "__main__":
    dispatch(
        worker=lambda: app.worker_main(["worker", "-P", "threads", "-c", str(SLOTS), "-l", "warning", "-n", "%i@%d"]),
        enqueue=_enqueue,
    )
