"""What kustomize renders, as documents to ask: which pods there are, what selects them, what stands where."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

Document = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")


class RenderError(Exception):
    """kustomize refused; its own words."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Whatever makes pods: where its pods' specification stands, and the labels that they get."""

    document: Document
    spec: Document
    labels: Mapping[str, str]

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def service(self) -> str:
        """The name without a Job's version."""
        return re.sub(r"-\d.*", "", self.name)

    @property
    def place(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def containers(self) -> list[Document]:
        return [*self.spec.get("initContainers", []), *self.spec.get("containers", [])]

    @property
    def ports(self) -> dict[str, int]:
        return {
            port.get("name", ""): port["containerPort"] for each in self.containers for port in each.get("ports", [])
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """All documents of one overlay."""

    documents: tuple[Document, ...]

    def of(self, kind: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] == kind]

    def find(self, kind: str, name: str) -> Document | None:
        return next((document for document in self.of(kind) if document["metadata"]["name"] == name), None)

    def workloads(self) -> Iterator[Workload]:
        for document in self.documents:
            if document["kind"] in WORKLOADS:
                template = _template(document)
                labels = template.get("metadata", {}).get("labels", {})
                yield Workload(document, template["spec"], labels)

    def deployments(self) -> list[Workload]:
        return [workload for workload in self.workloads() if workload.kind == "Deployment"]

    def selected(self, labels: Mapping[str, str]) -> list[Workload]:
        """The workloads whose pods have all of these labels."""
        return [workload for workload in self.workloads() if labels.items() <= workload.labels.items()]


def render(folder: Path, kubectl: Path) -> Manifest:
    """What `kubectl kustomize` makes of a folder. Raises RenderError."""
    done = subprocess.run([str(kubectl), "kustomize", str(folder)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RenderError(done.stderr.strip().splitlines()[0])
    return read(done.stdout)


def read(text: str) -> Manifest:
    documents = [document for document in yaml.safe_load_all(text) if document]
    return Manifest(tuple(cast("list[Document]", documents)))


def _template(document: Document) -> Document:
    match document["kind"]:
        case "Pod":
            return document
        case "CronJob":
            return cast("Document", document["spec"]["jobTemplate"]["spec"]["template"])
        case _:
            return cast("Document", document["spec"]["template"])
