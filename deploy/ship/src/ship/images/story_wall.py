"""What the running containers may do, and what the edge lets through."""

from typing import Any

from ship.images.check import demand
from ship.images.compose import Container
from ship.images.stack import Stack

_INNER = ("/metrics", "/livez", "/readyz")
_UNKNOWN = "01890000-0000-7000-8000-000000000000"
_RISKY_CAPABILITIES = frozenset({"ALL", "SYS_ADMIN", "NET_ADMIN", "DAC_OVERRIDE", "SETUID"})


def walls(stack: Stack) -> None:
    """Every container is confined; only the edge is reachable, and it keeps what is inner inside."""
    containers = stack.compose.containers()
    for container in containers:
        _confined(container)
    stack.sheet.confirm(
        "walls",
        "each container is read-only, without capabilities, not root, gains no privilege, has limits",
        f"{len(containers)} containers",
    )
    open_ones = {one.service for one in containers if any((one.told["HostConfig"]["PortBindings"] or {}).values())}
    demand(open_ones <= {"edge"}, f"not the edge alone publishes ports: {sorted(open_ones)}")
    stack.sheet.confirm("walls", "only the edge publishes ports")
    _edge(stack)


def _confined(container: Container) -> None:
    for wall, stands in standing(container.told).items():
        demand(stands, f"{container.name} is not confined: {wall}")


def standing(told: dict[str, Any] | Any) -> dict[str, bool]:
    """What confines a container, and whether it does, by the engine's description."""
    host, user = told["HostConfig"], told["Config"]["User"].split(":")[0]
    options = {option.removesuffix(":true") for option in host["SecurityOpt"] or ()}
    return {
        "its root file system can be written to": host["ReadonlyRootfs"],
        "capabilities are not dropped": "ALL" in (host["CapDrop"] or ()),
        "it is given capabilities": not _RISKY_CAPABILITIES & set(host["CapAdd"] or ()),
        "it runs as root": user.isdigit() and int(user) > 0,
        "it may gain privileges": "no-new-privileges" in options,
        "it is privileged": not host["Privileged"],
        "its memory has no limit": host["Memory"] > 0,
        "its processes have no limit": (host["PidsLimit"] or 0) > 0,
    }


def _edge(stack: Stack) -> None:
    visitor, stranger = stack.visitor(), stack.visitor()
    for path in _INNER:
        answer = visitor.ask("GET", path)
        demand(answer.status_code == 404, f"the edge answers {answer.status_code} for {path}")
    stack.sheet.confirm("edge", "lets nobody in to " + ", ".join(_INNER))
    job_id = visitor.create("vegan", target=5)
    told = [stranger.ask("GET", f"/api/v1/jobs/{one}") for one in (job_id, _UNKNOWN)]
    demand([answer.status_code for answer in told] == [404, 404], f"a stranger sees {told}")
    bodies = [{key: value for key, value in answer.json().items() if key in ("type", "title")} for answer in told]
    demand(bodies[0] == bodies[1], "a foreign job answers unlike an unknown one")
    visitor.await_end(job_id)
    stack.sheet.confirm("edge", "a foreign job answers as an unknown one", 404)
    answer = visitor.ask("POST", "/api/qstash/process-scraping", json={})
    demand(answer.status_code in (401, 403, 489), f"a delivery without a signature is answered {answer.status_code}")
    stack.sheet.confirm("edge", "a delivery without a signature is refused", answer.status_code)
