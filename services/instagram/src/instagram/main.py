"""`instagram`: the worker for Instagram."""

from common.worker.service import run_worker
from instagram.table import INSTAGRAM


def main() -> None:
    run_worker(INSTAGRAM, port=8011)
