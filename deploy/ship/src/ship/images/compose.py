"""The compose file as it runs: a project of its own, told apart from everything else on the engine by its name."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from ship.images.check import CheckError
from ship.images.docker import Docker
from ship.images.program import attempt, find, run

PROJECT = "creatorscout-check"
_LABEL = "com.docker.compose"


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the engine describes it now."""

    told: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.told["Id"]

    @property
    def name(self) -> str:
        return self.told["Name"].lstrip("/")

    @property
    def service(self) -> str:
        return self.told["Config"]["Labels"][f"{_LABEL}.service"]

    @property
    def state(self) -> Mapping[str, Any]:
        return self.told["State"]

    @property
    def is_healthy(self) -> bool:
        return self.state.get("Health", {}).get("Status") == "healthy"

    @property
    def address(self) -> str:
        """Where it listens on one of its networks."""
        networks = self.told["NetworkSettings"]["Networks"].values()
        return next(network["IPAddress"] for network in networks if network["IPAddress"])


@dataclass(frozen=True, slots=True)
class Compose:
    """Orders to the project and questions about it."""

    docker: Docker
    program: Sequence[str]
    root: Path
    variables: Mapping[str, str]
    profile: str = "local"

    def run(self, *argv: str, timeout_s: float = 300, stdin: str | None = None) -> str:
        """What it printed. Raises CheckError."""
        return run(self._command(argv), environment=self._environment, timeout_s=timeout_s, stdin=stdin)

    def attempt(self, *argv: str, timeout_s: float = 300) -> CompletedProcess[str]:
        return attempt(self._command(argv), environment=self._environment, timeout_s=timeout_s)

    def config(self) -> dict[str, Any]:
        """The file with everything filled in."""
        return json.loads(self.run("config", "--format", "json"))

    def up(self, *services: str, **scale: int) -> None:
        """Start what is not up and wait until all is healthy; `tiktok=2` for replicas."""
        sized = [part for name, count in scale.items() for part in ("--scale", f"{name}={count}")]
        alone = ["--no-deps"] if services else []
        self.run("up", "--detach", "--no-build", "--no-recreate", "--wait", *alone, *sized, *services)

    def down(self) -> None:
        self.run("down", "--volumes", "--remove-orphans", "--timeout", "20")

    def containers(self, *services: str) -> list[Container]:
        """All of the project, or those of these services, that exist: in the order of their names."""
        chosen = ("--filter", f"label={_LABEL}.project={PROJECT}")
        ids = self.docker.run("ps", "--all", "--quiet", "--no-trunc", *chosen).split()
        found = [Container(told) for told in self.docker.inspect(*ids)]
        return sorted((one for one in found if not services or one.service in services), key=lambda one: one.name)

    def running(self, service: str) -> list[Container]:
        return [one for one in self.containers(service) if one.state["Running"]]

    def exec(self, service: str, *argv: str, stdin: str | None = None) -> str:
        """Run something in the first running container of a service."""
        running = self.running(service)
        if not running:
            raise CheckError(f"no container of {service} runs")
        return self.docker.run("exec", "--interactive", running[0].id, *argv, stdin=stdin)

    def left(self) -> dict[str, list[str]]:
        """What the engine still holds of the project, by kind."""
        label = ("--quiet", "--filter", f"label={_LABEL}.project={PROJECT}")
        told = {
            "containers": self.docker.run("ps", "--all", *label),
            "volumes": self.docker.run("volume", "ls", *label),
            "networks": self.docker.run("network", "ls", *label),
        }
        return {kind: names.split() for kind, names in told.items() if names.strip()}

    def keep_logs(self, folder: Path) -> None:
        """What each container said, and how the engine describes it, as files."""
        folder.mkdir(parents=True, exist_ok=True)
        for container in self.containers():
            done = self.docker.attempt("logs", "--timestamps", container.id)
            (folder / f"{container.name}.log").write_text(done.stdout + done.stderr)
            (folder / f"{container.name}.json").write_text(json.dumps(container.told["State"], indent=1))

    def _command(self, argv: Sequence[str]) -> list[str]:
        file = str(self.root / "deploy/compose.yaml")
        which = ("--project-name", PROJECT, "--file", file, "--env-file", os.devnull, "--profile", self.profile)
        return [*self.program, *which, *argv]

    @property
    def _environment(self) -> dict[str, str | None]:
        """Only what we say: what the file asks of its environment is not taken from whoever runs this."""
        asked: dict[str, str | None] = dict.fromkeys(asked_of((self.root / "deploy/compose.yaml").read_text()))
        return {**asked, **self.docker.environment, **self.variables}


def asked_of(file: str) -> set[str]:
    """The variables that a compose file fills in or passes on."""
    return set(re.findall(r"\$\{(\w+)", file)) | set(re.findall(r"^\s+([A-Z][A-Z0-9_]*):\s*$", file, re.MULTILINE))


def find_compose(docker: Docker, root: Path) -> list[str]:
    """The compose program: the one of .venv-ship, on the path, or the client's plugin."""
    own = root / ".venv-ship/bin/docker-compose"
    if own.exists():
        return [str(own)]
    if docker.attempt("compose", "version").returncode == 0:
        return [str(docker.program), "compose"]
    if found := find("docker-compose"):
        return [str(found[0])]
    raise CheckError("there is no docker compose: make .venv-ship/.installed")
