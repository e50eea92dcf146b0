"""No decompressor that a caller cannot bound comes near the upstream: brotli makes half a gigabyte of a kilobyte."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = (
    "brotli",
    "brotlicffi",
    "brotlipy",
    "zstandard",
    "zstd",
    "pyzstd",
    "backports-zstd",
    "python-snappy",
    "lz4",
)
SERVICES = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt") if path.stem != "dev")


@pytest.mark.parametrize("service", SERVICES)
def test_no_image_holds_one(service: str) -> None:
    """What is not in its hashed requirements cannot be in an image."""
    lines = (ROOT / "requirements" / f"{service}.txt").read_text().splitlines()
    names = {re.split(r"[=\[ ;]", line)[0].lower().replace("_", "-") for line in lines if line[:1].isalpha()}
    assert len(names) > 5, "the file was read"
    assert not names & set(FORBIDDEN)


def test_here_there_is_none_either() -> None:
    assert {"gateway", "webhook", "tiktok", "instagram", "youtube"} <= set(SERVICES)
    modules = {name.replace("-", ".") for name in FORBIDDEN} - {"backports.zstd", "python.snappy"} | {"snappy"}
    assert [name for name in modules if importlib.util.find_spec(name)] == []


def test_httpx_knows_gzip_and_deflate_alone() -> None:
    """In an interpreter that imported nothing else; we decode gzip by ourselves, portion by portion."""
    code = "import httpx._decoders as d; print(*sorted(d.SUPPORTED_DECODERS))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["deflate", "gzip", "identity"]
