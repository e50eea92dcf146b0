"""What an engine changes of the machine's network, and how that is put back.

dockerd leaves its chains, its rules and the policy of FORWARD behind when it ends. What was there before it came stays.
"""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ship.images.program import attempt, find, undisturbed

_OURS = re.compile(r"\b(DOCKER[\w-]*|docker0|br-[0-9a-f]{12})\b|-j MASQUERADE\b")
_LINKS = re.compile(r"^(docker0|br-[0-9a-f]{12})$")
_FORWARD = (Path("/proc/sys/net/ipv4/ip_forward"), Path("/proc/sys/net/ipv6/conf/all/forwarding"))
_FAMILIES = ("iptables", "ip6tables")


@contextmanager
def footing_kept() -> Generator[None]:
    """After the block, the network is as before it, as far as an engine changes it."""
    tables = {family: _saved(family) for family in _FAMILIES}
    links = _links()
    forwards = {file: file.read_text() for file in _FORWARD if file.exists()}
    try:
        yield
    finally:
        with undisturbed():
            _put_back(tables, links, forwards)


def _put_back(tables: dict[str, str], links: set[str], forwards: dict[Path, str]) -> None:
    for link in sorted(_links() - links):
        attempt(["ip", "link", "delete", link])
    for family, before in tables.items():
        for command in undoing(before, _saved(family)):
            attempt([_program(family), "--wait", *command])
    for file, value in forwards.items():
        if file.read_text() != value:
            file.write_text(value)


def undoing(before: str, after: str) -> list[Sequence[str]]:
    """What to tell iptables so that what an engine added since `before` is gone; both as iptables-save prints them."""
    old, new = _read(before), _read(after)
    commands: list[Sequence[str]] = []
    for table, (chains, rules) in new.items():
        old_chains, old_rules = old.get(table, ({}, []))
        added = [chain for chain in chains if chain not in old_chains and _OURS.search(chain)]
        for rule in rules:
            if rule not in old_rules and _OURS.search(rule):
                commands.append(["-t", table, "-D", *rule.split()[1:]])
        commands += [["-t", table, option, chain] for option in ("-F", "-X") for chain in added]
        commands += [
            ["-t", table, "-P", chain, old_chains.get(chain, "ACCEPT")]
            for chain, policy in chains.items()
            if policy != "-" and policy != old_chains.get(chain, "ACCEPT")
        ]
    return commands


def _read(saved: str) -> dict[str, tuple[dict[str, str], list[str]]]:
    """By table: the policy of each chain (`-`: a chain that is not built in), and the rules."""
    tables: dict[str, tuple[dict[str, str], list[str]]] = {}
    chains: dict[str, str] = {}
    rules: list[str] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            chains, rules = {}, []
            tables[line[1:].strip()] = (chains, rules)
        elif line.startswith(":"):
            chain, policy, *_ = line[1:].split()
            chains[chain] = policy
        elif line.startswith("-A"):
            rules.append(line)
    return tables


def _program(family: str) -> Path:
    return next(iter(find(family)), Path(family))


def _saved(family: str) -> str:
    found = find(f"{family}-save")
    return attempt([found[0]]).stdout if found else ""


def _links() -> set[str]:
    """Bridges as an engine names them."""
    lines = Path("/proc/self/net/dev").read_text().splitlines()
    return {name for line in lines if _LINKS.match(name := line.partition(":")[0].strip())}
