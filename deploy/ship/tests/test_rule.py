"""Our own assertions on the manifests: all hold, and each notices when what it is for is broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ship.manifest import tool
from ship.manifest.contract import Contract, of_code
from ship.manifest.document import Manifest, render
from ship.manifest.rule import RULES, faults, name_of

pytestmark = pytest.mark.deploy

CODE = of_code()


def spec(manifest: Manifest, name: str = "tiktok", kind: str = "Deployment") -> dict[str, Any]:
    found = manifest.find(kind, name)
    assert found is not None, f"{kind} {name}"
    return found["spec"]


def pod(manifest: Manifest, name: str = "tiktok", kind: str = "Deployment") -> dict[str, Any]:
    return spec(manifest, name, kind)["template"]["spec"]


def box(manifest: Manifest, name: str = "tiktok", kind: str = "Deployment") -> dict[str, Any]:
    return pod(manifest, name, kind)["containers"][0]


def variable(manifest: Manifest, name: str, service: str = "tiktok") -> dict[str, Any]:
    return next(each for each in box(manifest, service)["env"] if each["name"] == name)


def trigger(manifest: Manifest) -> dict[str, Any]:
    return spec(manifest, kind="ScaledObject")["triggers"][0]["metadata"]


def policy(manifest: Manifest, name: str = "tiktok") -> dict[str, Any]:
    return spec(manifest, name, "NetworkPolicy")


def paths(manifest: Manifest, name: str = "gateway") -> list[dict[str, Any]]:
    return spec(manifest, name, "Ingress")["rules"][0]["http"]["paths"]


def without(manifest: Manifest, kind: str, name: str) -> Manifest:
    return Manifest(
        tuple(each for each in manifest.documents if (each["kind"], each["metadata"]["name"]) != (kind, name))
    )


def put(place: dict[str, Any], **values: Any) -> None:
    place.update(values)


JOB = "migrate-0.1.0"
WORLD = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "worker", "namespace": "creatorscout"}}

# What is done to the manifests, and the rule that must say so. Whoever returns a Manifest gives another one.
BROKEN: list[tuple[str, Callable[[Manifest], Any]]] = [
    ("namespace is restricted", lambda m: m.of("Namespace")[0]["metadata"]["labels"].clear()),
    ("namespace is restricted", lambda m: m.of("Service")[0]["metadata"].pop("namespace")),
    ("containers are restricted", lambda m: put(pod(m), hostNetwork=True)),
    ("containers are restricted", lambda m: pod(m)["volumes"].append({"name": "x", "hostPath": {"path": "/"}})),
    ("containers are restricted", lambda m: pod(m)["securityContext"].pop("runAsNonRoot")),
    ("containers are restricted", lambda m: put(pod(m)["securityContext"], runAsUser=0)),
    ("containers are restricted", lambda m: pod(m, "nats", "StatefulSet")["securityContext"].pop("seccompProfile")),
    ("containers are restricted", lambda m: box(m, JOB, "Job")["securityContext"].pop("allowPrivilegeEscalation")),
    ("containers are restricted", lambda m: put(box(m)["securityContext"], privileged=True)),
    ("containers are restricted", lambda m: put(box(m)["securityContext"], readOnlyRootFilesystem=False)),
    ("containers are restricted", lambda m: put(box(m)["securityContext"]["capabilities"], add=["NET_RAW"])),
    ("containers are restricted", lambda m: put(box(m)["securityContext"], runAsUser=0)),
    ("containers are restricted", lambda m: put(pod(m), initContainers=[{"name": "first", "image": "x:1"}])),
    ("accounts are their own and have no token", lambda m: put(pod(m), serviceAccountName="gateway")),
    ("accounts are their own and have no token", lambda m: put(pod(m), automountServiceAccountToken=True)),
    ("accounts are their own and have no token", lambda m: without(m, "ServiceAccount", "tiktok")),
    ("services are probed", lambda m: box(m).pop("readinessProbe")),
    ("services are probed", lambda m: put(box(m)["livenessProbe"]["httpGet"], path="/readyz")),
    ("services are probed", lambda m: box(m, "nats", "StatefulSet").pop("startupProbe")),
    ("resources are asked for and bounded", lambda m: box(m)["resources"]["requests"].pop("cpu")),
    ("resources are asked for and bounded", lambda m: box(m, JOB, "Job")["resources"].pop("limits")),
    ("pods end in order", lambda m: box(m, "gateway").pop("lifecycle")),
    ("pods end in order", lambda m: put(pod(m), terminationGracePeriodSeconds=25)),
    ("pods end in order", lambda m: pod(m, "gateway").pop("terminationGracePeriodSeconds")),
    ("pods end in order", lambda m: put(box(m), lifecycle={"preStop": {"exec": {"command": ["sleep", "5"]}}})),
    ("pods end in order", lambda m: put(spec(m)["strategy"]["rollingUpdate"], maxUnavailable=1)),
    ("pods are spread and kept", lambda m: pod(m)["topologySpreadConstraints"].pop()),
    ("pods are spread and kept", lambda m: pod(m)["topologySpreadConstraints"][0]["labelSelector"].clear()),
    ("pods are spread and kept", lambda m: without(m, "PodDisruptionBudget", "tiktok")),
    ("pods are spread and kept", lambda m: put(spec(m, kind="PodDisruptionBudget"), maxUnavailable="100%")),
    (
        "pods are spread and kept",
        lambda m: put(
            spec(m, kind="PodDisruptionBudget")["selector"], matchLabels={"app.kubernetes.io/part-of": "creatorscout"}
        ),
    ),
    ("ports meet", lambda m: put(box(m)["ports"][0], containerPort=8080)),
    ("ports meet", lambda m: put(spec(m, kind="Service")["ports"][0], port=80)),
    ("ports meet", lambda m: put(spec(m, kind="Service")["ports"][0], targetPort="web")),
    ("ports meet", lambda m: put(spec(m, kind="Service")["selector"], **{"app.kubernetes.io/name": "nobody"})),
    ("ports meet", lambda m: without(m, "Service", "webhook")),
    ("probes ask ports that are there", lambda m: put(box(m)["livenessProbe"]["httpGet"], port=8000)),
    ("probes ask ports that are there", lambda m: put(box(m)["livenessProbe"], httpGet={})),
    ("ingress shows no more than it must", lambda m: put(paths(m)[0], path="/")),
    ("ingress shows no more than it must", lambda m: put(paths(m)[0], path="/metrics")),
    ("ingress shows no more than it must", lambda m: put(paths(m)[0], pathType="ImplementationSpecific")),
    ("ingress shows no more than it must", lambda m: put(paths(m, "webhook")[0], path="/api/")),
    ("ingress shows no more than it must", lambda m: put(paths(m)[0]["backend"]["service"]["port"], name="web")),
    ("ingress shows no more than it must", lambda m: spec(m, "gateway", "Ingress").pop("tls")),
    ("ingress shows no more than it must", lambda m: put(paths(m)[0]["backend"]["service"], name="tiktok")),
    ("ingress shows no more than it must", lambda m: without(m, "Ingress", "webhook")),
    ("nobody speaks unless a policy says so", lambda m: without(m, "NetworkPolicy", "default-deny")),
    ("nobody speaks unless a policy says so", lambda m: put(policy(m, "default-deny"), egress=[{}])),
    ("nobody speaks unless a policy says so", lambda m: put(policy(m, "default-deny"), policyTypes=["Ingress"])),
    ("nobody speaks unless a policy says so", lambda m: without(m, "NetworkPolicy", "tiktok")),
    ("nobody speaks unless a policy says so", lambda m: put(policy(m), podSelector={})),
    ("policies name both ends", lambda m: policy(m)["egress"][0].pop("to")),
    ("policies name both ends", lambda m: policy(m)["ingress"][0].pop("ports")),
    ("policies name both ends", lambda m: put(policy(m)["ingress"][0]["ports"][0], port=9090)),
    ("policies name both ends", lambda m: policy(m)["egress"].append(WORLD)),
    ("policies name both ends", lambda m: put(policy(m)["egress"][2]["ports"][0], port=80)),
    ("services reach what they need", lambda m: policy(m, "migrate")["egress"].pop(0)),
    ("services reach what they need", lambda m: policy(m)["egress"].pop(1)),
    ("services reach what they need", lambda m: policy(m, "gateway")["egress"].pop(2)),
    ("services reach what they need", lambda m: put(policy(m), ingress=[])),
    ("services reach what they need", lambda m: policy(m, "webhook")["ingress"].pop(0)),
    ("services reach what they need", lambda m: put(policy(m), ingress=policy(m, "webhook")["ingress"])),
    (
        "monitoring of nats is for keda and prometheus",
        lambda m: policy(m, "nats")["ingress"][1]["from"][0].pop("podSelector"),
    ),
    ("monitoring of nats is for keda and prometheus", lambda m: policy(m, "nats")["ingress"][1]["from"].pop()),
    (
        "monitoring of nats is for keda and prometheus",
        lambda m: policy(m, "nats")["ingress"][0]["ports"].append({"port": "monitoring"}),
    ),
    ("every service is there", lambda m: without(m, "Deployment", "youtube")),
    ("every service is there", lambda m: without(m, "Job", JOB)),
    ("variables are read", lambda m: put(variable(m, "QSTASH_URL"), name="QSTASH_URI")),
    ("variables are read", lambda m: put(box(m), envFrom=[{"secretRef": {"name": "worker"}}])),
    ("variables are read", lambda m: box(m)["env"].append({"name": "CRASH_AT", "value": "x"})),
    ("what is required is given", lambda m: box(m)["env"].remove(variable(m, "SCRAPECREATORS_API_KEY"))),
    ("what is required is given", lambda m: box(m)["env"].remove(variable(m, "NATS_CA_FILE"))),
    (
        "what is required is given",
        lambda m: put(variable(m, "DATABASE_URL")["valueFrom"]["secretKeyRef"], optional=True),
    ),
    ("secrets are references", lambda m: put(variable(m, "QSTASH_TOKEN"), value="x", valueFrom={})),
    ("secrets are references", lambda m: put(variable(m, "QSTASH_TOKEN")["valueFrom"]["secretKeyRef"], key="OTHER")),
    (
        "secrets are references",
        lambda m: put(variable(m, "DATABASE_URL")["valueFrom"]["secretKeyRef"], name="migrate"),
    ),
    ("secrets are references", lambda m: Manifest((*m.documents, SECRET))),
    (
        "settings that are named are there",
        lambda m: put(variable(m, "NATS_URL")["valueFrom"]["configMapKeyRef"], name="settings"),
    ),
    (
        "settings that are named are there",
        lambda m: put(variable(m, "NATS_URL")["valueFrom"]["configMapKeyRef"], key="QSTASH_URL"),
    ),
    ("files are mounted", lambda m: put(variable(m, "NATS_CA_FILE"), value="/etc/ca.pem")),
    ("files are mounted", lambda m: put(pod(m)["volumes"][0]["projected"], defaultMode=0o444)),
    (
        "files are mounted",
        lambda m: put(pod(m)["volumes"][0]["projected"]["sources"][0]["secret"], name="nats-youtube"),
    ),
    ("images have a version", lambda m: put(box(m), image="creatorscout/tiktok")),
    ("images have a version", lambda m: put(box(m), image="creatorscout/tiktok:latest")),
    ("images have a version", lambda m: put(box(m), image="creatorscout/youtube:0.1.0")),
    ("images have a version", lambda m: put(box(m), image="elsewhere/tiktok:0.1.0")),
    ("images have a version", lambda m: put(box(m, "nats", "StatefulSet"), image="localhost:5000/nats")),
    ("migrate carries its version", lambda m: put(box(m, JOB, "Job"), image="creatorscout/migrate:0.2.0")),
    ("migrate carries its version", lambda m: spec(m, JOB, "Job").pop("ttlSecondsAfterFinished")),
    ("nobody else rules how many", lambda m: put(spec(m), replicas=1)),
    ("nobody else rules how many", lambda m: put(spec(m, kind="ScaledObject")["scaleTargetRef"], name="nobody")),
    ("nobody else rules how many", lambda m: put(spec(m, kind="ScaledObject")["scaleTargetRef"], name="youtube")),
    ("requests have two who answer", lambda m: put(spec(m, "gateway", "HorizontalPodAutoscaler"), minReplicas=1)),
    ("requests have two who answer", lambda m: without(m, "HorizontalPodAutoscaler", "webhook")),
    ("platforms scale by what waits", lambda m: without(m, "ScaledObject", "youtube")),
    ("platforms scale by what waits", lambda m: put(trigger(m), account="$G")),
    ("platforms scale by what waits", lambda m: put(trigger(m), stream="steps")),
    ("platforms scale by what waits", lambda m: put(trigger(m), consumer="youtube")),
    ("platforms scale by what waits", lambda m: put(trigger(m), lagThreshold="10")),
    ("platforms scale by what waits", lambda m: put(trigger(m), lagThreshold=64)),
    ("platforms scale by what waits", lambda m: put(trigger(m), activationLagThreshold="15")),
    ("platforms scale by what waits", lambda m: trigger(m).pop("account")),
    ("platforms scale by what waits", lambda m: put(trigger(m), lagTreshold="64")),
    ("platforms scale by what waits", lambda m: put(spec(m, kind="ScaledObject")["triggers"][0], type="nats")),
    ("platforms scale by what waits", lambda m: put(spec(m, kind="ScaledObject"), minReplicaCount=1)),
    ("platforms scale by what waits", lambda m: put(spec(m, kind="ScaledObject"), maxReplicaCount=17)),
    ("platforms scale by what waits", lambda m: spec(m, kind="ScaledObject").pop("fallback")),
    ("the monitoring is where keda asks", lambda m: spec(m, "nats-headless", "Service").pop("clusterIP")),
    (
        "the monitoring is where keda asks",
        lambda m: put(trigger(m), natsServerMonitoringEndpoint="nats.creatorscout.svc.cluster.local:8222"),
    ),
    (
        "the monitoring is where keda asks",
        lambda m: put(trigger(m), natsServerMonitoringEndpoint="nats-headless.creatorscout.svc:8223"),
    ),
]


def said(manifest: Manifest, contract: Contract = CODE) -> dict[str, list[str]]:
    return {rule: found for rule, found in faults(manifest, contract).items() if found}


def test_nothing_is_said_of_any_overlay(overlays: list[Path]) -> None:
    assert {folder.name: said(render(folder, tool.KUBECTL)) for folder in overlays} == {"local": {}, "production": {}}


@pytest.mark.parametrize(("rule", "spoil"), BROKEN, ids=[f"{number}-{rule}" for number, (rule, _) in enumerate(BROKEN)])
def test_what_is_broken_is_noticed(manifest: Manifest, rule: str, spoil: Callable[[Manifest], Any]) -> None:
    result = spoil(manifest)
    broken = result if isinstance(result, Manifest) else manifest
    assert rule in said(broken), said(broken)


def test_every_rule_was_broken_once() -> None:
    assert {name_of(rule) for rule in RULES} == {rule for rule, _ in BROKEN}
