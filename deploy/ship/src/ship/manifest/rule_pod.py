"""What every pod keeps to: restricted, probed, measured, spread, with an account of its own and an end in order."""

from collections.abc import Iterator

from ship.manifest.contract import Contract
from ship.manifest.document import Document, Manifest, Workload

USER = 10001
END_S = 25  # a service ends within this of SIGTERM
ROOM_S = 5
PROBES = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def namespace_is_restricted(manifest: Manifest, _: Contract) -> Iterator[str]:
    names = {document["metadata"]["name"] for document in manifest.of("Namespace")}
    for document in manifest.of("Namespace"):
        labels = document["metadata"].get("labels", {})
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"Namespace {document['metadata']['name']}: pod security is not enforced"
    for document in manifest.documents:
        if document["kind"] != "Namespace" and document["metadata"].get("namespace") not in names:
            yield f"{document['kind']} {document['metadata']['name']}: is in no namespace of ours"


def containers_are_restricted(manifest: Manifest, _: Contract) -> Iterator[str]:
    for workload in manifest.workloads():
        spec = workload.spec
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(name):
                yield f"{workload.place}: {name}"
        if any("hostPath" in volume for volume in spec.get("volumes", [])):
            yield f"{workload.place}: hostPath"
        pod = spec.get("securityContext", {})
        if pod.get("runAsNonRoot") is not True or pod.get("runAsUser") != USER:
            yield f"{workload.place}: does not run as {USER}"
        if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{workload.place}: no seccomp profile"
        for container in workload.containers:
            yield from _of_container(workload, container)


def _of_container(workload: Workload, container: Document) -> Iterator[str]:
    own = container.get("securityContext", {})
    place = f"{workload.place}/{container['name']}"
    if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
        yield f"{place}: may gain privileges"
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{place}: may write its root"
    if own.get("capabilities", {}).get("drop") != ["ALL"] or own.get("capabilities", {}).get("add"):
        yield f"{place}: has capabilities"
    if {"runAsNonRoot", "runAsUser", "seccompProfile"} & own.keys():
        yield f"{place}: says otherwise than its pod"


def accounts_are_their_own_and_have_no_token(manifest: Manifest, _: Contract) -> Iterator[str]:
    for workload in manifest.workloads():
        if workload.spec.get("serviceAccountName") != workload.service:
            yield f"{workload.place}: has no account of its own"
        account = manifest.find("ServiceAccount", workload.service)
        if account is None or account.get("automountServiceAccountToken") is not False:
            yield f"{workload.place}: its account is missing or has a token"
        if workload.spec.get("automountServiceAccountToken") is not False:
            yield f"{workload.place}: a token is mounted"


def services_are_probed(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for workload in manifest.deployments():
        if workload.service not in contract.services:
            continue
        for container in workload.containers:
            for name, path in PROBES.items():
                asked = container.get(name, {}).get("httpGet", {})
                if (asked.get("path"), asked.get("port")) != (path, "http"):
                    yield f"{workload.place}: {name} does not ask {path}"
    for workload in manifest.workloads():
        if workload.kind in ("Deployment", "StatefulSet") and not all(
            PROBES.keys() <= container.keys() for container in workload.spec["containers"]
        ):
            yield f"{workload.place}: a probe is missing"


def resources_are_asked_for_and_bounded(manifest: Manifest, _: Contract) -> Iterator[str]:
    for workload in manifest.workloads():
        for container in workload.containers:
            resources = container.get("resources", {})
            if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
                yield f"{workload.place}: asks for no processor or no memory"
            if "memory" not in resources.get("limits", {}):
                yield f"{workload.place}: its memory has no limit"


def pods_end_in_order(manifest: Manifest, contract: Contract) -> Iterator[str]:
    """Endpoints go first where somebody calls, and nobody is killed before its 25 s."""
    for workload in manifest.deployments():
        container = workload.spec["containers"][0]
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        is_called = workload.service in ("gateway", "webhook")
        if is_called and sleep < ROOM_S:
            yield f"{workload.place}: ends before everybody knows"
        if "exec" in container.get("lifecycle", {}).get("preStop", {}):
            yield f"{workload.place}: preStop runs a program, and there is no shell"
        if workload.spec.get("terminationGracePeriodSeconds", 30) < sleep + END_S + ROOM_S:
            yield f"{workload.place}: is killed too early"
        rolling = workload.document["spec"].get("strategy", {}).get("rollingUpdate", {})
        if workload.service in contract.services and rolling.get("maxUnavailable") != 0:
            yield f"{workload.place}: an update takes away before it gives"


def pods_are_spread_and_kept(manifest: Manifest, _: Contract) -> Iterator[str]:
    """Each Deployment's pods keep apart from one another, and a drained node takes one at a time."""
    for workload in manifest.deployments():
        spread = workload.spec.get("topologySpreadConstraints", [])
        keys = {each["topologyKey"] for each in spread if _selects_only(manifest, each.get("labelSelector"), workload)}
        if not {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} <= keys:
            yield f"{workload.place}: is not spread over nodes and zones"
        budgets = [
            budget
            for budget in manifest.of("PodDisruptionBudget")
            if _selects_only(manifest, budget["spec"].get("selector"), workload)
        ]
        if [budget["spec"].get("maxUnavailable") for budget in budgets] != [1]:
            yield f"{workload.place}: has not one PodDisruptionBudget of its own"


def _selects_only(manifest: Manifest, selector: Document | None, workload: Workload) -> bool:
    labels = (selector or {}).get("matchLabels", {})
    return bool(labels) and [each.place for each in manifest.selected(labels)] == [workload.place]
