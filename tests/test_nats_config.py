"""The configuration of nats-server, compared with the streams, consumers and platforms of the code. What the server
makes of it is shown in tests/security/test_nats.py."""

import re
from pathlib import Path

import pytest

from common.domain.job import PlatformName
from common.messaging.topology import ACK_WAIT_S, IDENTITIES, MAX_ACK_PENDING, STREAMS, consumers, step_subject

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "deploy" / "nats" / "nats-server.conf").read_text()
CODE = re.sub(r"#.*", "", TEXT)
USER = re.compile(
    r"nkey: \$NATS_NKEY_(\w+)\s+permissions \{\s+publish: \[(.*?)\]\s+subscribe: \[(.*?)\]\s+\}\s+\}", re.S
)


def granted() -> dict[str, tuple[list[str], list[str]]]:
    """Each identity's subjects: what it may publish, what it may hear."""
    return {
        name.lower(): (re.findall(r'"([^"]+)"', publish), re.findall(r'"([^"]+)"', subscribe))
        for name, publish, subscribe in USER.findall(CODE)
    }


def test_every_identity_of_the_code_is_there_and_no_other() -> None:
    """Also a new platform's. Each is named once, by an nkey, with both lists."""
    assert sorted(granted()) == sorted(IDENTITIES)
    assert len(USER.findall(CODE)) == CODE.count("nkey:") == CODE.count("permissions {") == len(IDENTITIES)


def test_nobody_is_let_in_by_another_way() -> None:
    for word in ("no_auth_user", "user:", "password", "token", "auth_callout", "allow_responses", "websocket", "mqtt"):
        assert word not in CODE, word
    assert "system_account" not in CODE
    for word in ("leafnodes", "gateway {", "cluster"):
        assert word not in CODE, "another door: it needs its own protection"


def test_nobody_but_migrate_may_manage_and_nobody_may_name_everything() -> None:
    managing = re.compile(r"^\$JS\.API\.(STREAM|CONSUMER)\.(?!MSG\.)")
    for name, (publish, subscribe) in granted().items():
        assert subscribe == (["progress.*"] if name == "gateway" else [f"_INBOX_{name}.>"])
        for subject in publish:
            assert ">" not in subject or subject.startswith("$JS.ACK."), subject
            assert "*" not in subject or subject == "progress.*", subject
            assert name == "migrate" or not managing.match(subject), subject


@pytest.mark.parametrize("platform", list(PlatformName))
def test_a_platforms_worker_has_its_own_steps(platform: PlatformName) -> None:
    next_one, ack = f"$JS.API.CONSUMER.MSG.NEXT.STEPS.{platform}", f"$JS.ACK.STEPS.{platform}.>"
    assert granted()[platform][0] == [next_one, ack, "progress.*"]
    account = platform.upper()
    for subject in (next_one, ack):
        assert f'{{ service: "{subject}", accounts: [{account}] }}' in CODE
        assert f'{{ service: {{ account: STREAMS, subject: "{subject}" }} }}' in CODE
    assert f'{{ stream: {{ account: {account}, subject: "progress.*" }} }}' in CODE
    assert f'{{ service: "{step_subject(platform)}", accounts: [WEBHOOK] }}' in CODE
    assert step_subject(platform) in granted()["webhook"][0]


def test_migrate_may_make_what_the_code_describes() -> None:
    streams = [f"$JS.API.STREAM.{verb}.{stream.name}" for stream in STREAMS for verb in ("CREATE", "UPDATE")]
    asked = [
        ".".join(filter(None, ["$JS.API.CONSUMER.CREATE", stream, consumer.name, consumer.filter_subject]))
        for stream, consumer in consumers()
    ]
    assert granted()["migrate"][0] == streams + asked


def test_what_is_exported_is_for_one_account_each_and_imported_there() -> None:
    exports = re.findall(r'\{ (?:service|stream): "([^"]+)"(.*?) \}', CODE)
    assert len(exports) > 10
    for subject, rest in exports:
        assert re.fullmatch(r", accounts: \[[A-Z]+\]", rest), subject


def test_the_servers_limits_hold_what_the_streams_may_have() -> None:
    sizes = {"GB": 1024**3, "MB": 1024**2, "KB": 1024}

    def limit(name: str) -> int:
        found = re.search(rf"{name}: (\d+)(\w*)", CODE)
        assert found is not None
        return int(found[1]) * sizes.get(found[2], 1)

    # A stream that is asked for again is counted twice.
    assert limit("max_file_store") > 2 * sum(stream.max_bytes or 0 for stream in STREAMS)
    assert limit("max_payload") > max(stream.max_msg_size or 0 for stream in STREAMS)
    assert limit("max_ack_pending") == MAX_ACK_PENDING
    assert 'duplicate_window: "10m"' in CODE
    assert max(stream.duplicate_window or 0 for stream in STREAMS) == 600
    # Whoever is gone without a word is noticed before its steps have been handed to others many times.
    assert 'ping_interval: "20s"' in CODE
    assert ACK_WAIT_S == 15


def test_the_table_in_the_architecture_says_the_same() -> None:
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    for name, (publish, subscribe) in granted().items():
        row = f"| {name} | {listed(publish)} | {listed(subscribe)} |"
        assert row in lines, row


def listed(subjects: list[str]) -> str:
    return ", ".join(f"`{subject}`" for subject in subjects)
