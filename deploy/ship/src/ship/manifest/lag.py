"""What KEDA's scaler for JetStream reads and what it and the HorizontalPodAutoscaler make of it, as arithmetic.

Written from the scaler's documentation and behaviour (keda.sh, "NATS JetStream"): one request for the account's
streams; in a cluster on to the server that leads the consumer, whose name stands first in its address, because the
others' counts are old. The lag is what waits and what is in somebody's hands.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

TRIGGER_TYPE = "nats-jetstream"
TRIGGER_KEYS = frozenset(
    {"natsServerMonitoringEndpoint", "account", "stream", "consumer", "lagThreshold", "activationLagThreshold"}
)
TOLERANCE = 0.1  # the HorizontalPodAutoscaler's: within it nothing changes

Ask = Callable[[str], Mapping[str, Any]]
"""Gets a URL, gives its JSON."""


class ScalerError(Exception):
    """The scaler has no number: the size stays as it is, or becomes the fallback's. It is not zero."""


@dataclass(frozen=True, slots=True)
class Trigger:
    endpoint: str
    account: str
    stream: str
    consumer: str
    lag_threshold: int
    activation_lag_threshold: int

    def url(self, host: str | None = None) -> str:
        """Where the streams of the account are told; `host` for one server of a cluster."""
        return f"http://{host or self.endpoint}/jsz?acc={self.account}&consumers=true&config=true"

    @property
    def server_url(self) -> str:
        return f"http://{self.endpoint}/varz"


def read_trigger(metadata: Mapping[str, str]) -> Trigger:
    return Trigger(
        endpoint=metadata["natsServerMonitoringEndpoint"],
        account=metadata["account"],
        stream=metadata["stream"],
        consumer=metadata["consumer"],
        lag_threshold=int(metadata["lagThreshold"]),
        activation_lag_threshold=int(metadata["activationLagThreshold"]),
    )


def read_lag(trigger: Trigger, ask: Ask) -> int:
    """The number that the scaler would read now. Raises ScalerError if it would have none."""
    answer = ask(trigger.url())
    if answer.get("meta_cluster", {}).get("cluster_size", 1) > 1:
        return _lag(_of_leader(trigger, ask))
    consumer = _consumer(trigger, answer)
    if consumer is None:
        raise ScalerError(f"{trigger.account}/{trigger.stream} has no consumer {trigger.consumer}")
    return _lag(consumer)


def desired(lag: int, spec: Mapping[str, Any], trigger: Trigger, current: int) -> int:
    """How many pods there shall be, of a ScaledObject's `spec` and what there is now, once it came to rest.

    KEDA rules between none and the first, the HorizontalPodAutoscaler the rest; stabilisation and steps are left out.
    """
    least, most = int(spec["minReplicaCount"]), int(spec["maxReplicaCount"])
    if lag <= trigger.activation_lag_threshold:
        return least
    now = max(current, 1)
    usage = lag / (trigger.lag_threshold * now)
    wanted = now if abs(usage - 1) <= TOLERANCE else math.ceil(lag / trigger.lag_threshold)
    return min(max(wanted, least, 1), most)


def _of_leader(trigger: Trigger, ask: Ask) -> Mapping[str, Any]:
    server = ask(trigger.server_url)
    # Servers that tell clients of each other are found by addresses; ours do not (`no_advertise`), so by names.
    assert not server.get("connect_urls"), "a cluster of ours does not advertise"
    for name in _names(server):
        consumer = _consumer(trigger, ask(trigger.url(f"{name}.{trigger.endpoint}")))
        if consumer is not None and consumer.get("cluster", {}).get("leader") == name:
            return consumer
    raise ScalerError(f"nobody leads the consumer {trigger.consumer}")


def _names(server: Mapping[str, Any]) -> Iterator[str]:
    """This server and the others, by the first label of each."""
    for address in (server["server_name"], *server.get("cluster", {}).get("urls", [])):
        yield str(address).partition(".")[0]


def _consumer(trigger: Trigger, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for account in answer.get("account_details") or []:
        if account["name"] != trigger.account:
            continue
        for stream in account.get("stream_detail") or []:
            if stream["name"] == trigger.stream:
                return next(
                    (each for each in stream.get("consumer_detail") or [] if each["name"] == trigger.consumer), None
                )
    return None


def _lag(consumer: Mapping[str, Any]) -> int:
    return int(consumer["num_pending"]) + int(consumer["num_ack_pending"])
