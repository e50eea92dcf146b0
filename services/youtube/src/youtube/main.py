"""`youtube`: the worker for YouTube."""

from common.worker.service import run_worker
from youtube.table import YOUTUBE


def main() -> None:
    run_worker(YOUTUBE, port=8012)
