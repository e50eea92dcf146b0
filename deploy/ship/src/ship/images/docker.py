"""The docker client, and what an engine holds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from ship.images.check import CheckError
from ship.images.program import attempt, find, run

_OWN_BUILDER_MAX = 23
"""Clients before this version bring BuildKit themselves; later ones need the buildx plugin."""
KINDS = ("container", "image", "volume", "network")


@dataclass(frozen=True, slots=True)
class Docker:
    """A client that speaks to one engine."""

    program: Path
    host: str
    is_own: bool
    """Whether the engine is ours alone, started for this run."""

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}

    def run(
        self, *argv: str | Path, stdin: str | None = None, timeout_s: float = 600, accepts: Sequence[int] = (0,)
    ) -> str:
        return run(
            [self.program, *argv], environment=self.environment, stdin=stdin, timeout_s=timeout_s, accepts=accepts
        )

    def attempt(self, *argv: str | Path, timeout_s: float = 120) -> CompletedProcess[str]:
        return attempt([self.program, *argv], environment=self.environment, timeout_s=timeout_s)

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        return json.loads(self.run("inspect", *names)) if names else []

    def image(self, name: str) -> dict[str, Any] | None:
        """None: there is no such image."""
        done = self.attempt("image", "inspect", name)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None

    def listed(self, kind: str) -> frozenset[str]:
        """Ids of all containers, images, volumes or networks."""
        told = {"container": ["ps", "--all"], "image": ["images", "--all"]}.get(kind, [kind, "ls"])
        return frozenset(self.run(*told, "--quiet", *([] if kind == "volume" else ["--no-trunc"])).split())


def find_client() -> Path:
    """A docker client that can build with BuildKit. Raises CheckError if there is none."""
    found = find("docker")
    for program in found:
        if _builds(program):
            return program
    raise CheckError(
        f"{found[0]} cannot build with BuildKit: install docker.io or docker-buildx" if found else "there is no docker"
    )


def answers(program: Path, host: str) -> bool:
    done = attempt([program, "version", "--format", "{{.Server.Version}}"], environment={"DOCKER_HOST": host})
    return done.returncode == 0


def _builds(program: Path) -> bool:
    if attempt([program, "buildx", "version"]).returncode == 0:
        return True
    version = attempt([program, "version", "--format", "{{.Client.Version}}"]).stdout.split(".")[0].strip()
    return version.isdigit() and int(version) < _OWN_BUILDER_MAX
