"""Builds every image of ours by deploy/Dockerfile, as anybody would, plus what this machine's network needs."""

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ship.images.check import Sheet
from ship.images.docker import Docker
from ship.images.program import attempt, run

SERVICES = ("gateway", "webhook", "tiktok", "instagram", "youtube", "migrate", "operate", "local")
VERSION = "check"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Shop:
    """Where images are made: the repository, a folder that is gone afterwards, whether a registry may be asked."""

    root: Path
    scratch: Path
    is_pulling: bool
    sheet: Sheet

    @property
    def dockerfile(self) -> Path:
        return self.root / "deploy/Dockerfile"


def image_of(service: str) -> str:
    return f"creatorscout/{service}:{VERSION}"


def build(docker: Docker, base: str, shop: Shop, revised: str) -> None:
    """All images of ours, one after the other: they share most of their layers. They say that they are of `revised`."""
    with _network(shop.scratch) as options:
        for service in SERVICES:
            began_at = time.monotonic()
            values = {"SERVICE": service, "BASE": base, "VERSION": VERSION, "REVISION": revised}
            arguments = [part for name, value in values.items() for part in ("--build-arg", f"{name}={value}")]
            where = ("--file", shop.dockerfile, "--tag", image_of(service))
            docker.run("build", *options, *arguments, *where, shop.root, timeout_s=900)
            shop.sheet.confirm(image_of(service), "builds", f"{time.monotonic() - began_at:.1f} s")


def revision(root: Path) -> str:
    """The commit that is built."""
    done = attempt(["git", "-C", root, "rev-parse", "HEAD"])
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def secrets_of_the_machine() -> list[str]:
    """What the build is told and no image may hold: the address of a package index that this machine was given."""
    return [index] if (index := _index()) else []


@contextmanager
def _network(scratch: Path) -> Generator[list[str]]:
    """Options that let a build reach the package index as this machine does: its network, authorities, index."""
    options = ["--network", "host"]
    authorities = Path(os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE") or _AUTHORITIES)
    if authorities.exists():
        options += ["--secret", f"id=ca,src={authorities}"]
    kept = scratch / "index"
    if index := _index():
        kept.touch(mode=0o600)
        kept.write_text(index)
        options += ["--secret", f"id=index,src={kept}"]
    try:
        yield options
    finally:
        kept.unlink(missing_ok=True)


def _index() -> str | None:
    """The package index that pip is configured with here; None: its default."""
    return index_of(run([sys.executable, "-m", "pip", "config", "list"], timeout_s=60))


def index_of(pip_configuration: str) -> str | None:
    """The index among the lines of `pip config list`. The environment comes before files."""
    found: dict[str, str] = {}
    for line in pip_configuration.splitlines():
        name, _, value = line.partition("=")
        found[name.strip()] = value.strip().strip("'\"")
    return found.get(":env:.index-url") or found.get("install.index-url") or found.get("global.index-url")
