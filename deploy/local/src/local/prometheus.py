"""Debian's Prometheus and promtool, from where they are installed or from a folder that `python -m local.prometheus`
filled without being root."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = ("promtool", "prometheus")


def cache_folder() -> Path:
    """Outside the repository, as caches are."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "creatorscout" / "prometheus"


def prometheus_program(name: str) -> str | None:
    """The path of `promtool` or `prometheus`; None if it is neither installed nor fetched."""
    fetched = cache_folder() / "usr" / "bin" / name
    return shutil.which(name) or (str(fetched) if fetched.is_file() else None)


def fetch() -> None:
    """Unpack Debian's package into the cache. Raises CalledProcessError or FileNotFoundError if there is no apt."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        [package] = Path(folder).glob("prometheus_*.deb")
        cache_folder().mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg", "-x", str(package), str(cache_folder())], check=True)


def main() -> None:
    """See to it that both programs are there; exit code 1 with one line if they cannot be had."""
    try:
        if None in map(prometheus_program, PROGRAMS):
            fetch()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"promtool and prometheus are missing: apt-get install prometheus ({type(error).__name__})\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
