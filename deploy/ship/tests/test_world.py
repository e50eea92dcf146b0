"""The manifests beside what they lead to: nats-server takes what is rendered, the ingress shows the API, Prometheus
finds the pods."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from common.messaging.topology import IDENTITIES
from gateway.contract.table import OPERATIONS
from local.child import Child, Command, plain_environment
from local.keyring import Keyring
from local.loopback import PLAIN_HTTP
from local.nats import Nats
from local.nats_cluster import NatsCluster
from ship.manifest import tool
from ship.manifest.contract import ROOT, of_code
from ship.manifest.document import Manifest, render
from ship.manifest.rule_network import HIDDEN

pytestmark = pytest.mark.deploy


def environment(manifest: Manifest, keyring: Keyring, folder: Path) -> dict[str, str]:
    """What the kubelet would give nats-server, with files and ports of this machine."""
    found = manifest.find("StatefulSet", "nats")
    assert found is not None
    container = found["spec"]["template"]["spec"]["containers"][0]
    given: dict[str, str] = {}
    references = {"NATS_SERVER_NAME": "nats-0", "NATS_ROUTE_PASSWORD": "s3cret"}
    for variable in container["env"]:
        text = variable.get("value") or references[variable["name"]]
        given[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda match: given[match[1]], text)
    given |= {name: str(value) for name, value in keyring.for_server.items() if name.startswith("NATS_NKEY_")}
    cluster = NatsCluster(folder, keyring)
    files = {**keyring.for_server, "NATS_ROUTE_CERT_FILE": folder / "routes.pem"}
    files |= {"NATS_ROUTE_KEY_FILE": folder / "routes.key", "NATS_ROUTE_CA_FILE": folder / "routes-ca.pem"}
    for name in given.keys() & files.keys() - {f"NATS_NKEY_{each.upper()}" for each in IDENTITIES}:
        assert re.fullmatch(r'"/run/nats/(server|routes)/[a-z.]+"', given[name]), name
        given[name] = json.dumps(str(files[name]))
    ports = {"4222": cluster.members[0].port, "6222": cluster.members[0].route_port}
    given["NATS_PORT"] = str(ports[given["NATS_PORT"]])
    given["NATS_STORE_DIR"] = json.dumps(str(folder / "store"))
    given["NATS_MONITORING"] = given["NATS_MONITORING"].replace("0.0.0.0:8222", "127.0.0.1:-1")
    if "NATS_CLUSTER_LISTEN" in given:
        given["NATS_CLUSTER_LISTEN"] = json.dumps(f"127.0.0.1:{ports['6222']}")
    return given


@pytest.mark.parametrize("overlay", ["local", "production"])
def test_nats_server_takes_what_is_rendered(overlay: str, tmp_path: Path) -> None:
    """The files of the ConfigMap, the arguments and the variables of the StatefulSet, as its language has them."""
    manifest = render(ROOT / "deploy" / "kubernetes" / "overlays" / overlay, tool.KUBECTL)
    found = manifest.find("StatefulSet", "nats")
    assert found is not None
    pod = found["spec"]["template"]["spec"]
    config = manifest.find(
        "ConfigMap", next(each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each)
    )
    assert config is not None
    for name, text in config["data"].items():
        (tmp_path / name).write_text(text)
    keyring = Keyring.open(tmp_path / "identities")
    given = environment(manifest, keyring, tmp_path)
    flag, path = pod["containers"][0]["args"]
    assert (flag, Path(path).parent) == ("-c", Path("/etc/nats"))
    program = str(Path(sys.executable).parent / "nats-server")
    argv = [program, flag, str(tmp_path / Path(path).name), "-t"]
    child = Child.start(Command("nats", argv, plain_environment(given), tmp_path / "log"))
    assert child.await_exit(20)
    assert child.exit_code == 0, (tmp_path / "log").read_text()
    fewer = {name: value for name, value in given.items() if name != "NATS_NKEY_TIKTOK"}
    child = Child.start(Command("nats", argv, plain_environment(fewer), tmp_path / "log"))
    assert child.await_exit(20)
    assert child.exit_code != 0, "the check of its configuration notices what is missing"


def test_nats_answers_its_probes(rendered: Manifest, tmp_path: Path) -> None:
    found = rendered.find("StatefulSet", "nats")
    assert found is not None
    container = found["spec"]["template"]["spec"]["containers"][0]
    with Nats.start(tmp_path / "nats", keyring=Keyring.open(tmp_path / "identities")) as server:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container[probe]["httpGet"]["path"]
            assert httpx.get(f"{server.monitor_url}{path}", **PLAIN_HTTP).json()["status"] == "ok", probe


def is_shown(paths: list[dict[str, Any]], asked: str) -> bool:
    """As Kubernetes says what Prefix and Exact mean."""
    return any(
        asked == each["path"]
        or (each["pathType"] == "Prefix" and f"{asked}/".startswith(f"{each['path'].rstrip('/')}/"))
        for each in paths
    )


def test_the_ingress_shows_every_operation_of_the_api_and_nothing_that_is_for_probes(rendered: Manifest) -> None:
    found = rendered.find("Ingress", "gateway")
    assert found is not None
    paths = found["spec"]["rules"][0]["http"]["paths"]
    asked = {operation.path for operation in OPERATIONS}
    assert set(HIDDEN) <= asked
    assert {path for path in asked if is_shown(paths, path)} == asked - set(HIDDEN)


def test_the_ingress_leads_qstash_to_the_webhook(rendered: Manifest) -> None:
    found = rendered.find("Ingress", "webhook")
    settings = next(each for each in rendered.of("ConfigMap") if "PUBLIC_WEBHOOK_URL" in each["data"])
    assert found is not None
    (rule,) = found["spec"]["rules"]
    assert settings["data"]["PUBLIC_WEBHOOK_URL"] == f"https://{rule['host']}"
    for path in ("process-scraping", "job-failed", "sweep"):
        assert is_shown(rule["http"]["paths"], f"/api/qstash/{path}")


def test_prometheus_finds_every_service_by_label_and_port(rendered: Manifest) -> None:
    text = (ROOT / "deploy" / "observability" / "prometheus.kubernetes.yml").read_text()
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (finder,) = job["kubernetes_sd_configs"]
    assert finder["namespaces"] == {"names": [rendered.of("Namespace")[0]["metadata"]["name"]]}
    keep = {
        tuple(each["source_labels"]): each["regex"] for each in job["relabel_configs"] if each.get("action") == "keep"
    }
    names = re.compile(keep["__meta_kubernetes_pod_label_app_kubernetes_io_name",])
    port = re.compile(keep["__meta_kubernetes_pod_container_port_name",])
    found = {
        workload.labels["app.kubernetes.io/name"]
        for workload in rendered.workloads()
        if names.fullmatch(workload.labels["app.kubernetes.io/name"]) and any(map(port.fullmatch, workload.ports))
    }
    assert found == set(of_code().ports)
