"""What services are given: variables that they read, all that they need, secrets by reference alone."""

from collections.abc import Iterator

from ship.manifest.contract import OF_OTHERS, OFF_LOOPBACK, Contract
from ship.manifest.document import Document, Manifest, Workload


def of_services(manifest: Manifest, contract: Contract) -> Iterator[tuple[Workload, dict[str, Document]]]:
    for workload in manifest.workloads():
        if workload.service in contract.services:
            yield workload, {each["name"]: each for each in workload.spec["containers"][0].get("env", [])}


def every_service_is_there(manifest: Manifest, contract: Contract) -> Iterator[str]:
    names = [workload.service for workload in manifest.workloads()]
    yield from (f"{name}: is not there once" for name in sorted(contract.services) if names.count(name) != 1)


def variables_are_read(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for workload, variables in of_services(manifest, contract):
        known = contract.fields(workload.service)
        for name in variables:
            if name not in known and not OF_OTHERS.fullmatch(name):
                yield f"{workload.place}: nobody reads {name}"
        if workload.spec["containers"][0].get("envFrom"):
            yield f"{workload.place}: is given variables by the heap"
        if "CRASH_AT" in variables:
            yield f"{workload.place}: CRASH_AT is for tests"


def what_is_required_is_given(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for workload, variables in of_services(manifest, contract):
        for name in sorted(contract.required(workload.service) - variables.keys()):
            yield f"{workload.place}: {name} is missing"
        for name, each in variables.items():
            reference = each.get("valueFrom", {})
            inner = reference.get("secretKeyRef") or reference.get("configMapKeyRef") or {}
            if name in contract.required(workload.service) and inner.get("optional"):
                yield f"{workload.place}: {name} is required, its reference optional"


def secrets_are_references(manifest: Manifest, contract: Contract) -> Iterator[str]:
    yield from (f"Secret {each['metadata']['name']}: stands in the manifests" for each in manifest.of("Secret"))
    for workload, variables in of_services(manifest, contract):
        for name in sorted(contract.secrets(workload.service) & variables.keys()):
            reference = variables[name].get("valueFrom", {}).get("secretKeyRef", {})
            if reference.get("key") != name:
                yield f"{workload.place}: {name} is not taken from a Secret's key of its name"
            role = "worker" if workload.service in contract.platforms else workload.service
            if reference.get("name") != role:
                yield f"{workload.place}: {name} is another's"


def settings_that_are_named_are_there(manifest: Manifest, contract: Contract) -> Iterator[str]:
    maps = {each["metadata"]["name"]: each.get("data", {}) for each in manifest.of("ConfigMap")}
    for workload, variables in of_services(manifest, contract):
        for name, each in variables.items():
            reference = each.get("valueFrom", {}).get("configMapKeyRef")
            if reference is None:
                continue
            if reference["key"] != name:
                yield f"{workload.place}: {name} is taken from {reference['key']}"
            if not reference.get("optional") and reference["key"] not in maps.get(reference["name"], {}):
                yield f"{workload.place}: {name} is in no ConfigMap"


def files_are_mounted(manifest: Manifest, contract: Contract) -> Iterator[str]:
    """A seed and a CA where the variables say, each service's own, for its eyes only."""
    for workload, variables in of_services(manifest, contract):
        if not contract.required(workload.service) & OFF_LOOPBACK:
            continue
        files = dict(_files(workload))
        for name in sorted(OFF_LOOPBACK & variables.keys()):
            if variables[name].get("value") not in files:
                yield f"{workload.place}: {name} is not mounted"
        seed = files.get(str(variables.get("NATS_NKEY_SEED_FILE", {}).get("value")))
        if seed != ("secret", f"nats-{workload.service}", 0o400):
            yield f"{workload.place}: its seed is {seed}"


def _files(workload: Workload) -> Iterator[tuple[str, tuple[str, str, int]]]:
    """Each projected file: its path, and what it comes from."""
    mounts = {each["name"]: each["mountPath"] for each in workload.spec["containers"][0].get("volumeMounts", [])}
    for volume in workload.spec.get("volumes", []):
        projected = volume.get("projected", {})
        for source in projected.get("sources", []):
            for kind in ("secret", "configMap"):
                for item in source.get(kind, {}).get("items", []):
                    path = f"{mounts.get(volume['name'], '')}/{item['path']}"
                    yield path, (kind, source[kind]["name"], projected.get("defaultMode", 0o644))


def images_have_a_version(manifest: Manifest, contract: Contract) -> Iterator[str]:
    for workload in manifest.workloads():
        for container in workload.containers:
            name, _, version = str(container["image"]).rpartition("/")[2].partition(":")
            if not version or version == "latest":
                yield f"{workload.place}: its image has no version"
            if workload.service in contract.services:
                if name != workload.service:
                    yield f"{workload.place}: runs the image of {name}"
                if "/creatorscout/" not in f"/{container['image']}":
                    yield f"{workload.place}: its image is not creatorscout/{name}"


def migrate_carries_its_version(manifest: Manifest, _: Contract) -> Iterator[str]:
    """A Job cannot be changed: with another version it must be another."""
    for workload in manifest.workloads():
        if workload.service == "migrate":
            version = workload.containers[0]["image"].rpartition(":")[2]
            if workload.kind != "Job" or workload.name != f"migrate-{version}":
                yield f"{workload.place}: is not the Job migrate-{version}"
            if "ttlSecondsAfterFinished" not in workload.document["spec"]:
                yield f"{workload.place}: stays for ever"
