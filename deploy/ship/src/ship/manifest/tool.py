"""Other people's tools, each as one check: what it says of the manifests, offline."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from ship.manifest import keda_schema
from ship.manifest.contract import ROOT
from ship.manifest.document import Manifest

OLDEST = "1.30.0"  # the first with preStop's `sleep` by default
NEWEST = "1.37.0"
SHIP = ROOT / ".venv-ship" / "bin"
SCAN = ROOT / ".venv-scan" / "bin"
KUBECTL = SHIP / "kubectl"
SKIPS = ROOT / "deploy" / "kubernetes" / "checkov.yaml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE = ROOT / "deploy" / "compose.yaml"
RULES = ROOT / "deploy" / "observability"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has to say. `skipped` says why it was not made."""

    check: str
    faults: tuple[str, ...] = ()
    skipped: str | None = None

    @property
    def is_well(self) -> bool:
        return not self.faults


def kubernetes_schema(manifest: Manifest, version: str) -> Finding:
    with _file(manifest) as path:
        argv = [str(SHIP / "kubernetes-validate"), "--strict", "--no-warn", "-k", version, path]
        output, code = _run(argv)
    lines = [line.replace(path, "").strip() for line in output if line and "INFO" not in line and "passed" not in line]
    return Finding(f"schemas of Kubernetes {version}", tuple(lines if code else ()) or (("it failed",) if code else ()))


def keda(manifest: Manifest) -> Finding:
    output, code = _run([str(SHIP / "python"), str(keda_schema.__file__)], json.dumps(manifest.of("ScaledObject")))
    return Finding("schema of KEDA, closed", tuple(output) or (("it failed",) if code else ()))


def checkov(manifest: Manifest) -> Finding:
    """With the skips of deploy/kubernetes/checkov.yaml, each of which says why."""
    skips = yaml.safe_load(SKIPS.read_text())
    with _file(manifest) as path:
        argv = [
            str(SCAN / "checkov"),
            "-f",
            path,
            "--framework",
            "kubernetes",
            "--quiet",
            "--skip-download",
            "-o",
            "json",
        ]
        output, code = _run([*argv, "--skip-check", ",".join(skips)])
    if code not in (0, 1):
        return Finding("checkov", tuple(output[-3:]))
    report = json.loads("\n".join(output))
    failed = report.get("results", {}).get("failed_checks", [])
    if not failed and not report.get("summary", report).get("passed"):
        return Finding("checkov", ("it looked at nothing",))
    return Finding("checkov", tuple(f"{each['resource']}: {each['check_id']} {each['check_name']}" for each in failed))


def others() -> Iterator[Finding]:
    """What is not of Kubernetes, where it is there."""
    if DOCKERFILE.exists():
        yield _plain("hadolint", [str(SHIP / "hadolint"), str(DOCKERFILE)])
    else:
        yield Finding("hadolint", skipped="no deploy/Dockerfile")
    if COMPOSE.exists():
        yield _compose()
    else:
        yield Finding("compose file", skipped="no deploy/compose.yaml")
    yield _promtool()


def _compose() -> Finding:
    """Every profile, with the values of .env.example where it is there."""
    example = ROOT / ".env.example"
    environment = ["--env-file", str(example)] if example.exists() else []
    argv = [str(SHIP / "docker-compose"), "-f", str(COMPOSE), *environment, "--profile", "*", "config", "-q"]
    return _plain("compose file", argv)


def _promtool() -> Finding:
    promtool = shutil.which("promtool")
    files = (
        [str(path) for path in sorted(RULES.rglob("*.y*ml")) if "groups:" in path.read_text()] if RULES.exists() else []
    )
    files = [path for path in files if "test" not in Path(path).name]
    if not files:
        return Finding("alert rules", skipped="no rules in deploy/observability")
    if promtool is None:
        return Finding("alert rules", skipped="promtool is not installed")
    return _plain("alert rules", [promtool, "check", "rules", *files])


def _plain(check: str, argv: Sequence[str]) -> Finding:
    output, code = _run(argv)
    return Finding(check, tuple(output[-20:] or ["it failed"]) if code else ())


def _run(argv: Sequence[str], given: str | None = None) -> tuple[list[str], int]:
    """Lines of its output and errors, exit code."""
    environment = {**os.environ, "BC_SKIP_MAPPING": "TRUE", "LOG_LEVEL": "ERROR", "NO_COLOR": "1"}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=given, cwd=ROOT, env=environment)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()], done.returncode


@contextmanager
def _file(manifest: Manifest) -> Generator[str]:
    """The manifest as a file, for a moment."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump_all(manifest.documents, file, sort_keys=False)
        file.flush()
        yield file.name
