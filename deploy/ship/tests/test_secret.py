"""What the manifests refer to is what `local secrets` and deploy/kubernetes/secrets.sh make, by name and by key."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ship.manifest import tool
from ship.manifest.contract import ROOT
from ship.manifest.document import Manifest, Workload, read, render

pytestmark = pytest.mark.deploy

# Servers that keep the streams together know each other by what the operator makes: docs/runbook.md, "On Kubernetes".
BY_HAND = {("Secret", "nats-routes", key) for key in ("password", "tls.crt", "tls.key", "ca.crt")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], set[str]]:
    """The keys of each Secret and ConfigMap that the script writes."""
    folder = tmp_path_factory.mktemp("secrets")
    local = str(Path(sys.executable).parent / "local")
    subprocess.run([local, "secrets", str(folder), "--try-out"], check=True, capture_output=True)
    script = str(ROOT / "deploy" / "kubernetes" / "secrets.sh")
    environment = {**os.environ, "KUBECTL": str(tool.KUBECTL)}
    done = subprocess.run([script, str(folder)], check=True, capture_output=True, text=True, env=environment)
    return {
        (each["kind"], each["metadata"]["name"]): set(each.get("data", {}))
        for each in read(done.stdout).documents
        if each["metadata"]["namespace"] == "creatorscout"
    }


def references(workload: Workload) -> Iterator[tuple[str, str, str]]:
    """(kind, name, key) of what must be there before the pod starts."""
    for container in workload.containers:
        for variable in container.get("env", []):
            for word, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                reference = variable.get("valueFrom", {}).get(word)
                if reference and not reference.get("optional"):
                    yield kind, reference["name"], reference["key"]
    for volume in workload.spec.get("volumes", []):
        yield from _of_volume(volume)


def _of_volume(volume: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for source in volume.get("projected", {}).get("sources", []):
        for word, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
            for item in source.get(word, {}).get("items", []):
                yield kind, source[word]["name"], item["key"]
    for item in volume.get("secret", {}).get("items", []):
        yield "Secret", volume["secret"]["secretName"], item["key"]


def missing(manifest: Manifest, made: dict[tuple[str, str], set[str]]) -> set[tuple[str, str, str]]:
    rendered = {("ConfigMap", each["metadata"]["name"]): set(each.get("data", {})) for each in manifest.of("ConfigMap")}
    known = {(*place, key) for place, keys in {**made, **rendered}.items() for key in keys}
    return {reference for workload in manifest.workloads() for reference in references(workload)} - known


def test_everything_that_is_referred_to_is_made(overlays: list[Path], made: dict[tuple[str, str], set[str]]) -> None:
    found = {folder.name: missing(render(folder, tool.KUBECTL), made) for folder in overlays}
    assert found == {"local": set(), "production": BY_HAND}


def test_whole_secrets_that_are_mounted_are_made(overlays: list[Path], made: dict[tuple[str, str], set[str]]) -> None:
    for folder in overlays:
        for workload in render(folder, tool.KUBECTL).workloads():
            for volume in workload.spec.get("volumes", []):
                name = volume.get("secret", {}).get("secretName")
                assert name in (None, "nats-routes") or ("Secret", name) in made, (folder.name, name)


def test_a_reference_to_what_nobody_makes_is_noticed(manifest: Manifest, made: dict[tuple[str, str], set[str]]) -> None:
    fewer = {place: keys - {"QSTASH_TOKEN"} for place, keys in made.items()}
    assert ("Secret", "worker", "QSTASH_TOKEN") in missing(manifest, fewer)
    assert made["ConfigMap", "nats-identities"] >= {"NATS_NKEY_TIKTOK", "NATS_NKEY_MIGRATE"}
    assert {"tls.crt", "tls.key"} == made["Secret", "nats-server"]
