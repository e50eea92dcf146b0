"""The tools of others say no when they must, and a run that fails is never taken for one that is content."""

from typing import Any

import pytest

from ship.manifest import tool
from ship.manifest.document import Manifest

pytestmark = pytest.mark.deploy


def first(manifest: Manifest, kind: str) -> dict[str, Any]:
    return manifest.of(kind)[0]


@pytest.mark.parametrize("version", [tool.OLDEST, tool.NEWEST])
def test_a_key_that_kubernetes_does_not_know_is_a_fault(manifest: Manifest, version: str) -> None:
    first(manifest, "Deployment")["spec"]["template"]["spec"]["containers"][0]["comand"] = ["x"]
    assert "comand" in "".join(tool.kubernetes_schema(manifest, version).faults)


def test_a_version_whose_schemas_are_not_there_is_a_fault(manifest: Manifest) -> None:
    assert tool.kubernetes_schema(manifest, "1.99.0").faults


@pytest.mark.parametrize("key", ["minReplicas", "colldownPeriod"])
def test_a_key_that_keda_does_not_know_is_a_fault(manifest: Manifest, key: str) -> None:
    """Its own schema lets it pass, and the cluster would drop it without a word."""
    first(manifest, "ScaledObject")["spec"][key] = 1
    assert key in "".join(tool.keda(manifest).faults)


def test_a_value_of_another_kind_is_a_fault_for_keda(manifest: Manifest) -> None:
    first(manifest, "ScaledObject")["spec"]["triggers"][0]["metadata"]["lagThreshold"] = 64
    assert "lagThreshold" in "".join(tool.keda(manifest).faults)


def test_a_container_that_may_write_its_root_is_a_fault_for_checkov(manifest: Manifest) -> None:
    container = first(manifest, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    container["securityContext"]["readOnlyRootFilesystem"] = False
    assert "CKV_K8S_22" in "".join(tool.checkov(manifest).faults)


def test_checkov_that_found_nothing_to_look_at_is_a_fault() -> None:
    assert tool.checkov(Manifest(())).faults == ("it looked at nothing",)


def test_every_skip_says_why() -> None:
    lines = tool.SKIPS.read_text().splitlines()
    keys = [line for line in lines if line.startswith("CKV")]
    assert keys
    for key in keys:
        assert len(lines[lines.index(key) + 1].strip()) > 40, key
