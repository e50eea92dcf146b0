"""The services started by hand with only the environment of the runtime contract, against another QStash and another
ScrapeCreators on other ports, and what they need of memory."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from local.child import Child, Command
from local.loopback import PLAIN_HTTP
from local.port import free_port
from local.process import Part, Supervisor
from local.role import SERVICE_ROLES, make_service_roles
from local.stack import QSTASH_TOKEN

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]

BIN = Path(sys.executable).parent
PORTS = {"gateway": 8000, "webhook": 8001, "tiktok": 8010, "instagram": 8011, "youtube": 8012}
IDLE_BYTES_MAX = 120 * 1024**2
WORKER_BYTES_MAX = 200 * 1024**2


@dataclass(frozen=True)
class Hand:
    """What was started, by hand."""

    supervisor: Supervisor
    urls: dict[str, str]

    def child(self, name: str) -> Child:
        return self.supervisor.child(name)

    def resident(self, name: str) -> int:
        return psutil.Process(self.child(name).pid).memory_info().rss


def only(**variables: str) -> dict[str, str]:
    """Nothing of this shell but where programs are."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}


def unpublished_keys(qstash_url: str) -> dict[str, str]:
    """Off loopback the webhook refuses the keys that everybody knows: rotate them away."""
    headers = {"authorization": f"Bearer {QSTASH_TOKEN}"}
    for _ in range(2):
        answer = httpx.post(f"{qstash_url}/v2/keys/rotate", headers=headers, **PLAIN_HTTP).raise_for_status()
    return answer.json()


@pytest.fixture(scope="module")
def hand(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Any, nats_server: Any, module_empty_database_url: str
) -> Iterator[Hand]:
    log = tmp_path_factory.mktemp("hand")
    ports = {name: free_port() for name in ("qstash", "sandbox", "issuer", *PORTS)}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def command(name: str, argv: list[str], environment: dict[str, str]) -> Command:
        return Command(name, [str(BIN / argv[0]), *argv[1:]], environment, log / f"{name}.log")

    database = module_empty_database_url.rpartition("/")[2]
    doors = {"DATABASE_URL": module_empty_database_url, "NATS_URL": nats_server.url}
    public = {"PUBLIC_WEBHOOK_URL": "https://hooks.creatorscout.example"}
    with Supervisor() as supervisor:
        rewrite = f"{public['PUBLIC_WEBHOOK_URL']}={urls['webhook']}"
        arguments = {
            "qstash": ["--rewrite", rewrite],
            "sandbox": ["--seed", "41", "--latency", "none"],
            "issuer": ["--issuer", urls["issuer"]],
        }
        for name, more in arguments.items():
            ready = "/_standin/readyz" if name == "qstash" else "/readyz"
            argv = ["local", name, "--port", str(ports[name]), *more]
            supervisor.start(Part(command(name, argv, only()), urls[name] + ready))
        keys = unpublished_keys(urls["qstash"])
        qstash = {"QSTASH_URL": urls["qstash"], "QSTASH_TOKEN": QSTASH_TOKEN, **public}
        upstream = {"SCRAPECREATORS_API_KEY": "another-key", "SCRAPECREATORS_BASE_URL": urls["sandbox"]}
        needs = {
            "gateway": {"CLERK_ISSUER": urls["issuer"], "CLERK_AUTHORIZED_PARTIES": "http://localhost:3000"},
            "webhook": {
                "QSTASH_CURRENT_SIGNING_KEY": keys["current"],
                "QSTASH_NEXT_SIGNING_KEY": keys["next"],
            },
            "tiktok": upstream,
            "instagram": upstream,
            "youtube": upstream,
        }
        supervisor.run(command("migrate", ["migrate"], only(**doors)), 60)
        make_service_roles(postgres_server)
        for name, own in needs.items():
            role = name if name in SERVICE_ROLES else "worker"
            place = {"HOST": "127.0.0.1", "PORT": str(ports[name])}
            mine = doors | {"DATABASE_URL": postgres_server.database_url(database, role)}
            environment = only(**mine, **qstash, **own, **place)
            supervisor.start(Part(command(name, [name], environment), urls[name] + "/readyz"))
        yield Hand(supervisor, urls)


def test_every_service_idles_small(hand: Hand) -> None:
    sizes = {name: hand.resident(name) for name in PORTS}
    assert {name: size for name, size in sizes.items() if size > IDLE_BYTES_MAX} == {}


def test_a_job_of_sixty_and_no_url_requested_twice(
    hand: Hand, make_frontend: Callable[..., Any], list_creators: Callable[[dict[str, Any]], list[dict[str, Any]]]
) -> None:
    frontend = make_frontend(hand.urls["gateway"], hand.urls["issuer"])
    last = frontend.watch(frontend.create(keywords=["vegan"], targetResults=60))[-1]
    assert (last["status"], last["progress"]) == ("completed", 100)
    found = list_creators(last)
    assert len({element["creator"]["uniqueId"] for element in found}) == len(found) == 60
    calls = httpx.get(f"{hand.urls['sandbox']}/_sandbox/calls", **PLAIN_HTTP).json()
    assert calls["duplicates"] == 0
    assert calls["total"] > 60


def test_a_worker_stays_small_through_a_job_of_a_thousand(hand: Hand, make_frontend: Callable[..., Any]) -> None:
    frontend = make_frontend(hand.urls["gateway"], hand.urls["issuer"])
    job_id = frontend.create(keywords=["street food", "ramen", "#noodles"], targetResults=1000)
    frontend.watch(job_id)
    assert frontend.poll(job_id)["processedResults"] == 1000
    status = Path(f"/proc/{hand.child('tiktok').pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    assert peak < WORKER_BYTES_MAX


def test_every_service_ends_well_on_sigterm(hand: Hand) -> None:
    assert {name: hand.child(name).stop() for name in reversed(PORTS)} == dict.fromkeys(PORTS, 0)
