"""Who may call whom: ports that meet, an ingress that shows no more than it must, walls around everybody."""

from collections.abc import Iterator

from ship.manifest.contract import Contract
from ship.manifest.document import Document, Manifest, Workload

HIDDEN = ("/metrics", "/livez", "/readyz")
PRIVATE = {"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
EVERYWHERE = "0.0.0.0/0"
MONITORING = ("keda", "monitoring")
NAMESPACE = "kubernetes.io/metadata.name"


def ports_meet(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for workload in manifest.deployments():
        expected = contract.ports.get(workload.service)
        if expected is not None and workload.ports != {"http": expected}:
            yield f"{workload.place}: listens on {workload.ports}, its service on {expected}"
        service = manifest.find("Service", workload.service)
        if expected is not None and (
            service is None or [port["port"] for port in service["spec"]["ports"]] != [expected]
        ):
            yield f"{workload.place}: no Service of its port"
    for service in manifest.of("Service"):
        name = service["metadata"]["name"]
        pods = manifest.selected(service["spec"].get("selector") or {"nothing": ""})
        if len(pods) != 1:
            yield f"Service {name}: selects {[pod.place for pod in pods]}"
        for port in service["spec"]["ports"]:
            if any(port.get("targetPort") not in pod.ports for pod in pods):
                yield f"Service {name}: its pods have no port {port.get('targetPort')}"


def probes_ask_ports_that_are_there(manifest: Manifest, _: Contract) -> Iterator[str]:
    for workload in manifest.workloads():
        for container in workload.containers:
            for name, probe in container.items():
                asked = probe.get("httpGet") or probe.get("tcpSocket") or {} if name.endswith("Probe") else None
                if asked is not None and asked.get("port") not in workload.ports:
                    yield f"{workload.place}: {name} asks a port that is not there"


def ingress_shows_no_more_than_it_must(manifest: Manifest, contract: Contract) -> Iterator[str]:
    shown: set[str] = set()
    for ingress in manifest.of("Ingress"):
        name = ingress["metadata"]["name"]
        secured = {host for each in ingress["spec"].get("tls", []) if each.get("secretName") for host in each["hosts"]}
        for rule in ingress["spec"]["rules"]:
            if rule.get("host") not in secured:
                yield f"Ingress {name}: {rule.get('host')} is not under TLS"
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                shown.add(backend["name"])
                yield from _of_path(name, path, backend["name"])
                service = manifest.find("Service", backend["name"])
                names = [port["name"] for port in service["spec"]["ports"]] if service else []
                if backend["port"].get("name") not in names:
                    yield f"Ingress {name}: leads to no port of {backend['name']}"
    if shown != {"gateway", "webhook"} & contract.services:
        yield f"Ingress: leads to {sorted(shown)}"


def _of_path(name: str, path: Document, backend: str) -> Iterator[str]:
    prefix = str(path["path"])
    if path["pathType"] not in ("Prefix", "Exact"):
        yield f"Ingress {name}: what {prefix} means depends on the controller"
    for hidden in HIDDEN:
        if f"{hidden}/".startswith(f"{prefix.rstrip('/')}/"):
            yield f"Ingress {name}: shows {hidden}"
    if backend == "webhook" and prefix != "/api/qstash/":
        yield f"Ingress {name}: shows {prefix} of the webhook"


def nobody_speaks_unless_a_policy_says_so(manifest: Manifest, _: Contract) -> Iterator[str]:
    walls = [
        policy
        for policy in manifest.of("NetworkPolicy")
        if policy["spec"].get("podSelector") == {}
        and set(policy["spec"].get("policyTypes", [])) == {"Ingress", "Egress"}
        and not policy["spec"].get("ingress")
        and not policy["spec"].get("egress")
    ]
    if len(walls) != 1:
        yield "NetworkPolicy: nothing denies what is not named"
    for policy in manifest.of("NetworkPolicy"):
        labels = policy["spec"].get("podSelector", {}).get("matchLabels", {})
        name = policy["metadata"]["name"]
        if not labels and policy["spec"].get("ingress"):
            yield f"NetworkPolicy {name}: opens a door for everybody"
        if labels and len(manifest.selected(labels)) != 1:
            yield f"NetworkPolicy {name}: is not for one"
    for workload in manifest.workloads():
        if policy_of(manifest, workload) is None:
            yield f"{workload.place}: has no NetworkPolicy"


def policy_of(manifest: Manifest, workload: Workload) -> Document | None:
    """The policy for this workload alone."""
    for policy in manifest.of("NetworkPolicy"):
        labels = policy["spec"].get("podSelector", {}).get("matchLabels", {})
        if labels and [each.place for each in manifest.selected(labels)] == [workload.place]:
            return policy
    return None


def policies_name_both_ends(manifest: Manifest, _: Contract) -> Iterator[str]:
    for policy in manifest.of("NetworkPolicy"):
        name = policy["metadata"]["name"]
        pods = manifest.selected(policy["spec"].get("podSelector", {}).get("matchLabels", {}))
        for direction, end in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, []):
                if not rule.get(end) or not rule.get("ports"):
                    yield f"NetworkPolicy {name}: {direction} without {end} or ports"
                if direction == "ingress":
                    yield from _unknown_ports(name, rule, pods)
                else:
                    yield from _open_world(name, rule)


def _unknown_ports(name: str, rule: Document, pods: list[Workload]) -> Iterator[str]:
    for port in rule.get("ports", []):
        if any(port.get("port") not in pod.ports for pod in pods):
            yield f"NetworkPolicy {name}: there is no port {port.get('port')}"


def _open_world(name: str, rule: Document) -> Iterator[str]:
    for peer in rule.get("to", []):
        block = peer.get("ipBlock", {})
        if block.get("cidr") == EVERYWHERE:
            if not set(block.get("except", [])) >= PRIVATE:
                yield f"NetworkPolicy {name}: the open world holds private addresses"
            if [port.get("port") for port in rule.get("ports", [])] != [443]:
                yield f"NetworkPolicy {name}: speaks to the world by other ports than 443"


def services_reach_what_they_need(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for workload in manifest.workloads():
        policy = policy_of(manifest, workload)
        if workload.service not in contract.services or policy is None:
            continue
        reached = {port["port"] for rule in policy["spec"].get("egress", []) for port in rule.get("ports", [])}
        needed = {"DATABASE_URL": 5432, "NATS_URL": 4222, "QSTASH_URL": 443, "CLERK_ISSUER": 443}
        for variable in needed.keys() & contract.required(workload.service):
            if needed[variable] not in reached:
                yield f"{workload.place}: cannot reach what {variable} names"
        if workload.service in contract.ports and not _is_heard_by(policy, "monitoring"):
            yield f"{workload.place}: Prometheus cannot read it"
        if workload.service in ("gateway", "webhook") and not _is_heard_by(policy, "ingress-nginx"):
            yield f"{workload.place}: the ingress cannot reach it"
        if workload.service in contract.platforms and _is_heard_by(policy, "ingress-nginx"):
            yield f"{workload.place}: the ingress reaches it"


def _is_heard_by(policy: Document, namespace: str) -> bool:
    peers = [peer for rule in policy["spec"].get("ingress", []) for peer in rule.get("from", [])]
    return any(peer.get("namespaceSelector", {}).get("matchLabels", {}).get(NAMESPACE) == namespace for peer in peers)


def monitoring_of_nats_is_for_keda_and_prometheus(manifest: Manifest, _: Contract) -> Iterator[str]:
    """It asks nobody for a name: the policy is the only wall."""
    for workload in manifest.workloads():
        if "monitoring" not in workload.ports:
            continue
        policy = policy_of(manifest, workload)
        heard: set[str] = set()
        for rule in (policy or {"spec": {}})["spec"].get("ingress", []):
            if "monitoring" in [port.get("port") for port in rule.get("ports", [])]:
                for peer in rule.get("from", []):
                    labels = peer.get("namespaceSelector", {}).get("matchLabels", {})
                    has_pod = bool(peer.get("podSelector", {}).get("matchLabels"))
                    heard.add(labels.get(NAMESPACE, "?") if has_pod else "?")
        if heard != set(MONITORING):
            yield f"{workload.place}: its monitoring is heard by {sorted(heard)}"
