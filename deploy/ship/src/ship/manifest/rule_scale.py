"""How many there are: KEDA by what waits for a platform, the HorizontalPodAutoscaler by what requests cost."""

from collections.abc import Iterator

from ship.manifest.contract import Contract
from ship.manifest.document import Document, Manifest
from ship.manifest.lag import TRIGGER_KEYS, TRIGGER_TYPE, read_trigger

REPLICAS_MIN = 2


def nobody_else_rules_how_many(manifest: Manifest, _: Contract) -> Iterator[str]:
    """With `replicas` in a Deployment each apply would set back what a scaler decided."""
    ruled: dict[str, int] = {}
    for kind in ("ScaledObject", "HorizontalPodAutoscaler"):
        for scaler in manifest.of(kind):
            name = scaler["spec"]["scaleTargetRef"]["name"]
            ruled[name] = ruled.get(name, 0) + 1
    for workload in manifest.deployments():
        if "replicas" in workload.document["spec"] and workload.name in ruled:
            yield f"{workload.place}: `replicas` and a scaler"
    yield from (f"{name}: {count} scalers" for name, count in ruled.items() if count > 1)
    names = {workload.name for workload in manifest.deployments()}
    yield from (f"{name}: is scaled, and is not there" for name in ruled.keys() - names)


def requests_have_two_who_answer(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for name in sorted({"gateway", "webhook"} & contract.services):
        scaler = manifest.find("HorizontalPodAutoscaler", name)
        if scaler is None or scaler["spec"].get("minReplicas", 1) < REPLICAS_MIN:
            yield f"{name}: has no HorizontalPodAutoscaler with two at least"


def platforms_scale_by_what_waits(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for platform in contract.platforms:
        scaled = manifest.find("ScaledObject", platform)
        if scaled is None or scaled["spec"]["scaleTargetRef"]["name"] != platform:
            yield f"{platform}: has no ScaledObject"
            continue
        triggers = scaled["spec"]["triggers"]
        if [each["type"] for each in triggers] != [TRIGGER_TYPE]:
            yield f"ScaledObject {platform}: not one trigger of the kind {TRIGGER_TYPE}"
            continue
        yield from _of_trigger(platform, triggers[0]["metadata"], contract)
        yield from _of_bounds(platform, scaled["spec"], contract)


def _of_trigger(platform: str, metadata: Document, contract: Contract) -> Iterator[str]:
    for key in sorted(TRIGGER_KEYS.symmetric_difference(metadata)):
        yield f"ScaledObject {platform}: {key} is missing, or KEDA does not know it"
    if not all(isinstance(value, str) for value in metadata.values()):
        yield f"ScaledObject {platform}: KEDA wants strings"
    if not metadata.keys() >= TRIGGER_KEYS:
        return
    trigger = read_trigger(metadata)
    if (trigger.account, trigger.stream) != (contract.account, contract.stream):
        yield f"ScaledObject {platform}: looks at {trigger.account}/{trigger.stream}"
    if trigger.consumer != platform or trigger.consumer not in contract.consumers:
        yield f"ScaledObject {platform}: looks at the consumer {trigger.consumer}"
    if trigger.lag_threshold != contract.slots:
        yield f"ScaledObject {platform}: a pod has {contract.slots} slots"
    if trigger.activation_lag_threshold != 0:
        yield f"ScaledObject {platform}: {trigger.activation_lag_threshold} messages would wait for ever"


def _of_bounds(platform: str, spec: Document, contract: Contract) -> Iterator[str]:
    if spec.get("minReplicaCount") != 0:
        yield f"ScaledObject {platform}: does not go to zero"
    if not 1 <= spec.get("maxReplicaCount", 100) <= contract.in_flight_max // contract.slots:
        yield f"ScaledObject {platform}: more pods than the consumer gives work to"
    if not {"failureThreshold", "replicas"} <= spec.get("fallback", {}).keys():
        yield f"ScaledObject {platform}: nothing is said for when NATS does not tell"


def the_monitoring_is_where_keda_asks(manifest: Manifest, contract: Contract) -> Iterator[str]:
    """By a headless Service, so that each server of a cluster has a name of its own beneath it."""
    for platform in contract.platforms:
        scaled = manifest.find("ScaledObject", platform)
        if scaled is None:
            continue
        endpoint = str(scaled["spec"]["triggers"][0]["metadata"].get("natsServerMonitoringEndpoint"))
        host, _, port = endpoint.partition(":")
        name, namespace = (*host.split("."), "")[:2]
        service = manifest.find("Service", name)
        if namespace != scaled["metadata"].get("namespace"):
            continue  # brought by the operator
        if service is None or service["spec"].get("clusterIP") != "None":
            yield f"ScaledObject {platform}: {host} is no headless Service"
        elif int(port or 0) not in [each["port"] for each in service["spec"]["ports"]]:
            yield f"ScaledObject {platform}: {host} has no port {port}"
