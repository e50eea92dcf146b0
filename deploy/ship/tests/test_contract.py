"""What the manifests are compared with is what the services really read, and a platform more is one file more."""

import re
import shutil
from pathlib import Path

import pytest

from common.domain.job import PlatformName
from ship.manifest import tool
from ship.manifest.contract import ROOT, SETTINGS, of_code
from ship.manifest.document import Manifest, render
from ship.manifest.rule import faults

READERS = {
    "gateway": "services/gateway/src/gateway/composition.py",
    "webhook": "services/webhook/src/webhook/composition.py",
    "migrate": "deploy/migrate/src/migrate/main.py",
    "operate": "deploy/operate/src/operate/desk.py",
    **{platform.value: "libs/common/src/common/worker/service.py" for platform in PlatformName},
}


@pytest.mark.parametrize("service", sorted(SETTINGS))
def test_the_groups_are_those_that_the_service_reads(service: str) -> None:
    call = re.search(r"= read_settings\(([^)]*)\)", (ROOT / READERS[service]).read_text())
    assert call is not None
    assert set(re.findall(r"\w+Settings", call[1])) == {group.__name__ for group in SETTINGS[service]}


def test_ports_and_names_are_those_of_the_code() -> None:
    code = of_code()
    assert code.ports == {"gateway": 8000, "webhook": 8001, "tiktok": 8010, "instagram": 8011, "youtube": 8012}
    assert (code.account, code.stream, code.consumers) == ("STREAMS", "STEPS", {"tiktok", "instagram", "youtube"})
    assert "SCRAPECREATORS_API_KEY" in code.required("tiktok") & code.secrets("tiktok")
    assert "PORT" not in code.required("tiktok")
    assert {"NATS_CA_FILE", "CLERK_ISSUER"} <= code.required("gateway")


@pytest.mark.deploy
def test_a_fourth_platform_is_one_file_and_its_name_in_a_list(rendered: Manifest, tmp_path: Path) -> None:
    """Written as docs/add-a-platform.md says: tiktok's file with another name and another port."""
    for name in ("kubernetes", "nats"):
        shutil.copytree(ROOT / "deploy" / name, tmp_path / name)
    platforms = tmp_path / "kubernetes" / "base" / "platforms"
    (platforms / "pinterest").mkdir()
    text = (platforms / "tiktok" / "kustomization.yaml").read_text()
    new = text.replace("tiktok", "pinterest").replace("8010", "8013")
    (platforms / "pinterest" / "kustomization.yaml").write_text(new)
    base = tmp_path / "kubernetes" / "base" / "kustomization.yaml"
    base.write_text(
        base.read_text().replace("  - platforms/tiktok\n", "  - platforms/tiktok\n  - platforms/pinterest\n")
    )
    manifest = render(tmp_path / "kubernetes" / "overlays" / "production", tool.KUBECTL)
    contract = of_code().with_platform("pinterest", 8013)
    assert {rule: found for rule, found in faults(manifest, contract).items() if found} == {}
    added = [each for each in manifest.documents if each not in rendered.documents]
    assert {each["metadata"]["name"] for each in added} == {"pinterest"}
    kinds = [each["kind"] for each in manifest.documents if each["metadata"]["name"] == "tiktok"]
    assert sorted(each["kind"] for each in added) == sorted(kinds)
    assert len(manifest.documents) == len(rendered.documents) + len(added)
    # The same four checks of others as for the rest.
    for finding in (
        tool.kubernetes_schema(manifest, tool.OLDEST),
        tool.kubernetes_schema(manifest, tool.NEWEST),
        tool.keda(manifest),
    ):
        assert finding.faults == ()
