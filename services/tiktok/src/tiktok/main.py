"""`tiktok`: the worker for TikTok."""

from common.worker.service import run_worker
from tiktok.table import TIKTOK


def main() -> None:
    run_worker(TIKTOK, port=8010)
