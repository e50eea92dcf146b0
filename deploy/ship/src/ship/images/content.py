"""What an image holds, looked at from inside and outside."""

import json
from typing import Any

from ship.images.build import SERVICES, VERSION, image_of, secrets_of_the_machine
from ship.images.check import Sheet, demand
from ship.images.docker import Docker

SIZE_MAX_MB = 200
_EXIT_CONFIGURATION = {"migrate": 1}
"""What ends a process that lacks a variable; of a service it is 2."""
SBOM = "/app/share/sbom.cdx.json"
_HARDENED = ("--rm", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none")
_LABELS = ("title", "version", "revision", "description")
_TOOLS = frozenset({"pip", "uv", "setuptools", "wheel", "hatchling", "cyclonedx-bom"})
_LOOK = f"""
import importlib.metadata, json, os, shutil, sys
sys.path = [path for path in sys.path if path]
found = {{d.name.lower().replace("_", "-"): d.version for d in importlib.metadata.distributions(path=[
    path for path in sys.path if path.startswith("/app")])}}
writable = [path for path in ("/app", "/app/bin", "/", "/etc", "/usr") if os.access(path, os.W_OK)]
tools = [name for name in ("uv", "pip") if (shutil.which(name) or "").startswith("/app")]
print(json.dumps({{"found": found, "sbom": json.load(open("{SBOM}")), "uid": os.getuid(), "writable": writable,
    "tools": tools}}))
"""


def look_at_all(docker: Docker, base: str, revised: str, sheet: Sheet) -> None:
    """Every image of ours. Raises CheckError at the first that does not keep what is promised."""
    found = docker.image(base)
    assert found is not None
    for service in SERVICES:
        image = docker.image(image_of(service))
        assert image is not None
        _outside(service, image, revised)
        _history(docker, service)
        packages = _inside(docker, service)
        megabytes = (image["Size"] - found["Size"]) / 1e6
        demand(megabytes < SIZE_MAX_MB, f"{image_of(service)} adds {megabytes:.0f} MB to its base")
        sheet.confirm(image_of(service), f"adds less than {SIZE_MAX_MB} MB to its base", f"{megabytes:.0f} MB")
        sheet.confirm(
            image_of(service),
            "holds common, itself and their packages alone, as its bill of materials says; no tool, no secret; "
            "a number for a user; labels",
            f"{packages} packages",
        )


def _outside(service: str, image: dict[str, Any], revised: str) -> None:
    name, config = image_of(service), image["Config"]
    user = config["User"].split(":")[0]
    demand(user.isdigit() and int(user) > 0, f"{name} runs as `{config['User']}`, not as a number other than 0")
    entrance = config["Entrypoint"] or []
    demand(entrance and not entrance[0].endswith("sh"), f"{name} starts by a shell: {entrance}")
    labels = {label: (config["Labels"] or {}).get(f"org.opencontainers.image.{label}") for label in _LABELS}
    demand(all(labels.values()), f"{name} lacks labels: {[label for label in labels if not labels[label]]}")
    demand(service in str(labels["title"]).split(), f"{name} calls itself {labels['title']}")
    told = (labels["version"], labels["revision"])
    demand(told == (VERSION, revised), f"{name} says that it is {told}")


def _history(docker: Docker, service: str) -> None:
    """Neither the layers' commands nor the configuration say where this machine gets its packages."""
    name = image_of(service)
    told = docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", name) + json.dumps(docker.image(name))
    demand("BEGIN CERTIFICATE" not in told, f"the history of {name} holds an authority")
    for secret in secrets_of_the_machine():
        demand(secret not in told, f"the history of {name} holds the address of this machine's package index")


def _inside(docker: Docker, service: str) -> int:
    """How many packages it holds."""
    name = image_of(service)
    seen = json.loads(docker.run("run", *_HARDENED, "--entrypoint", "/app/bin/python", name, "-I", "-c", _LOOK))
    found: dict[str, str] = seen["found"]
    ours = {package.removeprefix("creatorscout-") for package in found if package.startswith("creatorscout-")}
    demand(ours == {"common", service}, f"{name} holds {sorted(ours)} of ours")
    tools = sorted({*_TOOLS & found.keys(), *seen["tools"]})
    demand(not tools, f"{name} holds what builds: {tools}")
    named = materials(seen["sbom"])
    differing = sorted(set(found.items()) ^ set(named.items()))
    demand(not differing, f"the bill of materials of {name} is not what is installed: {differing[:5]}")
    demand(seen["uid"] > 0 and not seen["writable"], f"{name} could write to {seen['writable']} as {seen['uid']}")
    return len(found)


def materials(bill: dict[str, Any]) -> dict[str, str]:
    """Packages and their versions in a CycloneDX document, named as an index names them."""
    return {
        component["name"].lower().replace("_", "-"): component["version"]
        for component in bill.get("components", ())
        if component.get("purl", "pkg:pypi").startswith("pkg:pypi") or component["name"].startswith("creatorscout")
    }


def refuse_without_variables(docker: Docker, sheet: Sheet) -> None:
    """Without its variables, and without any shell to start by, each says in one line what is missing, and ends."""
    hidden = [part for shell in ("dash", "bash") for part in ("--volume", f"/dev/null:/usr/bin/{shell}:ro")]
    for service in SERVICES:
        if service in ("operate", "local"):  # commands for people: they print what they can do
            continue
        done = docker.attempt("run", *_HARDENED, *hidden, image_of(service))
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        told = " | ".join(lines)
        expected = _EXIT_CONFIGURATION.get(service, 2)
        demand(done.returncode == expected, f"{service} without variables ends with {done.returncode}: {told}")
        demand(len(lines) == 1 and "DATABASE_URL" in told, f"{service} without variables says {told}")
        sheet.confirm(service, "starts without a shell; lacking a variable it says one line and ends", expected)
