"""The environment: every fault is one line that names the variable and never shows its value."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from common.errors import ConfigurationError
from common.settings import (
    QSTASH_PUBLISHED_KEYS,
    ClerkSettings,
    DatabaseSettings,
    EnvironmentSettings,
    NatsSettings,
    QStashSettings,
    ServerSettings,
    SignatureSettings,
    UpstreamSettings,
    is_loopback_url,
    read_settings,
)

GOOD = {
    "PORT": "8000",
    "DATABASE_URL": "postgresql://u:p@db.example/creatorscout",
    "NATS_URL": "tls://nats.example:4222",
    "NATS_NKEY_SEED_FILE": "/run/seed",
    "NATS_CA_FILE": "/run/ca.pem",
    "QSTASH_URL": "https://qstash.example",
    "QSTASH_TOKEN": "token-of-ours",
    "PUBLIC_WEBHOOK_URL": "https://hooks.example",
    "QSTASH_CURRENT_SIGNING_KEY": "sig_current_xxxxxxxxxxxxxxxxxxxxxxxx",
    "QSTASH_NEXT_SIGNING_KEY": "sig_next_xxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "SCRAPECREATORS_API_KEY": "api-key-of-ours",
    "CLERK_ISSUER": "https://clerk.example",
    "CLERK_AUTHORIZED_PARTIES": "https://app.example",
}
OPTIONAL = ("HOST", "LOG_LEVEL", "LOG_FORMAT", "SCRAPECREATORS_BASE_URL")
GROUPS: tuple[type[EnvironmentSettings], ...] = (
    ServerSettings,
    DatabaseSettings,
    NatsSettings,
    QStashSettings,
    SignatureSettings,
    UpstreamSettings,
    ClerkSettings,
)
SECRETS = ("DATABASE_URL", "QSTASH_TOKEN", "SCRAPECREATORS_API_KEY", "QSTASH_CURRENT_SIGNING_KEY")
LOOPBACK = ("localhost", "127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST", "127.0.0.1:80", "u:p@localhost:1")
ELSEWHERE = (
    "a.example",
    "localhost.a.example",
    "127.0.0.1.a.example",
    "127.0.0.1@a.example",
    "localhost@a.example:1",
    "0.0.0.0",
    "10.0.0.1",
    "192.168.1.1",
    "[::]",
    "[::2]",
    "2130706433",
    "host.docker.internal",
    "nats",
)

SetEnvironment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    """Makes the environment good but for the given changes; None removes a variable."""

    def change(**changes: str | None) -> None:
        for name in (*GOOD, *OPTIONAL):
            value = changes.get(name, GOOD.get(name))
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return change


def fault(*groups: type[EnvironmentSettings], **defaults: object) -> str:
    """The one line of the error."""
    with pytest.raises(ConfigurationError) as caught:
        read_settings(*(groups or GROUPS), **defaults)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.__cause__ is None
    return text


def test_a_good_environment_is_read(environment: SetEnvironment) -> None:
    environment(HOST="127.0.0.1")
    server, database, nats, qstash, signature, upstream, clerk = read_settings(*GROUPS)
    assert server == ServerSettings(host="127.0.0.1", port=8000, log_level="info", log_format="json")
    assert isinstance(database, DatabaseSettings)
    assert database.database_url.get_secret_value() == GOOD["DATABASE_URL"]
    assert isinstance(nats, NatsSettings)
    assert (nats.nats_url, nats.nats_nkey_seed_file) == ("tls://nats.example:4222", "/run/seed")
    assert isinstance(qstash, QStashSettings)
    assert qstash.step_url == "https://hooks.example/api/qstash/process-scraping"
    assert qstash.failure_url == "https://hooks.example/api/qstash/job-failed"
    assert isinstance(signature, SignatureSettings)
    assert signature.keys == (GOOD["QSTASH_CURRENT_SIGNING_KEY"], GOOD["QSTASH_NEXT_SIGNING_KEY"])
    assert isinstance(upstream, UpstreamSettings)
    assert upstream.scrapecreators_base_url == "https://api.scrapecreators.com"
    assert isinstance(clerk, ClerkSettings)
    assert clerk.jwks_url == "https://clerk.example/.well-known/jwks.json"
    assert clerk.origins == ("https://app.example",)


def test_settings_are_frozen_and_hide_their_secrets(environment: SetEnvironment) -> None:
    environment()
    for group in read_settings(*GROUPS):
        for name in SECRETS:
            assert GOOD[name] not in repr(group)
        with pytest.raises(ValidationError):
            group.port = 1  # pyright: ignore


@pytest.mark.parametrize("name", [name for name in GOOD if not name.startswith("NATS_N") and name != "NATS_CA_FILE"])
def test_a_missing_variable_is_named(environment: SetEnvironment, name: str) -> None:
    environment(**{name: None})
    assert fault() == f"{name} is missing"


def test_all_faults_stand_in_one_line_each_once(environment: SetEnvironment) -> None:
    """PUBLIC_WEBHOOK_URL is of two groups and yet named once."""
    environment(**dict.fromkeys(GOOD))
    parts = fault().split("; ")
    needed = [name for name in GOOD if not name.startswith("NATS_N") and name != "NATS_CA_FILE"]
    assert sorted(parts) == sorted(f"{name} is missing" for name in needed)


@pytest.mark.parametrize("value", ["", " ", "\t\n "])
@pytest.mark.parametrize("name", [name for name in GOOD if not name.startswith("NATS_")])
def test_a_blank_is_no_value(environment: SetEnvironment, name: str, value: str) -> None:
    environment(**{name: value})
    assert fault().startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["QSTASH_URL", "PUBLIC_WEBHOOK_URL", "CLERK_ISSUER", "PORT", "LOG_LEVEL"])
def test_blanks_around_a_value_are_no_fault(environment: SetEnvironment, name: str) -> None:
    environment(**{name: f" {GOOD.get(name, 'info')}\n"})
    read_settings(*GROUPS)


printable = st.characters(min_codepoint=33, exclude_categories=("Cs", "Cc", "Z"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(name=st.sampled_from([*GOOD, *OPTIONAL]), secret=st.text(printable, min_size=8, max_size=40))
@example(name="NATS_URL", secret="hunter2ho\u2100st")
@example(name="QSTASH_URL", secret="hunter2ho\u2100st")
@example(name="CLERK_ISSUER", secret="[hunter2hunter2")
@example(name="CLERK_ISSUER", secret="host:hunter2hunter2")
@example(name="CLERK_AUTHORIZED_PARTIES", secret="[hunter2hunter2")
def test_no_fault_ever_shows_a_value(environment: SetEnvironment, name: str, secret: str) -> None:
    """Whatever stands in a variable, bare, in a URL, as its password, its port or in its query."""
    kept = re.compile(re.escape(secret))
    forms = ("{}", "https://{}", "https://u:{}@h", "http://h:{}", "nats://u:{}@h", "postgresql://u:{}@h", "ftp://h?{}")
    for form in forms:
        value = form.format(secret)
        environment(**{name: value})
        faults: list[ConfigurationError] = []
        try:
            read_settings(*GROUPS)
        except ConfigurationError as error:
            faults.append(error)
        for error in faults:
            text = str(error)
            assert name in text
            assert not kept.search(text)
            assert value not in text
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_loopback_url_is_recognised(host: str) -> None:
    assert is_loopback_url(f"http://{host}/x")


@pytest.mark.parametrize("host", ELSEWHERE)
def test_nothing_else_is_loopback(host: str) -> None:
    assert not is_loopback_url(f"http://{host}/x")


@pytest.mark.parametrize(("name", "text"), [("CLERK_ISSUER", "https")])
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_plain_http_is_for_loopback_urls_only(environment: SetEnvironment, name: str, text: str, host: str) -> None:
    """Judged by the URL: where the service itself listens says nothing."""
    for there in LOOPBACK:
        environment(**{"HOST": host, name: f"http://{there}/"})
        read_settings(*GROUPS)
    for there in ELSEWHERE:
        environment(**{"HOST": host, name: f"http://{there}/"})
        assert fault() == f"{name}: must be https unless it is on loopback"


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
@pytest.mark.parametrize("key", sorted(QSTASH_PUBLISHED_KEYS))
def test_published_keys_are_for_loopback_urls_only(environment: SetEnvironment, key: str, host: str) -> None:
    for name in ("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"):
        environment(**{"HOST": host, name: key, "PUBLIC_WEBHOOK_URL": "http://127.0.0.1:8001"})
        read_settings(*GROUPS)
        for there in ("https://hooks.example", "http://127.0.0.1.hooks.example", "https://localhost@hooks.example"):
            environment(**{"HOST": host, name: key, "PUBLIC_WEBHOOK_URL": there})
            text = fault()
            assert "published development keys" in text
            assert "PUBLIC_WEBHOOK_URL" in text
            assert key not in text


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
@pytest.mark.parametrize(
    "missing", [("NATS_NKEY_SEED_FILE",), ("NATS_CA_FILE",), ("NATS_CA_FILE", "NATS_NKEY_SEED_FILE")]
)
@pytest.mark.parametrize("value", [None, ""])
def test_nats_without_nkey_or_ca_is_for_loopback_urls_only(
    environment: SetEnvironment, missing: tuple[str, ...], value: str | None, host: str
) -> None:
    for there in LOOPBACK:
        environment(HOST=host, NATS_URL=f"nats://{there}", **dict.fromkeys(missing, value))
        read_settings(*GROUPS)
    for there in ELSEWHERE:
        environment(HOST=host, NATS_URL=f"nats://{there}", **dict.fromkeys(missing, value))
        assert fault() == "NATS_NKEY_SEED_FILE and NATS_CA_FILE are required unless NATS_URL is on loopback"


@pytest.mark.parametrize(
    "url",
    ["nats.example", "http://nats.example", "nats://", "nats://:4222", "nats://h:port", "nats://a:1,nats://b:2"],
)
def test_a_nats_url_names_one_server(environment: SetEnvironment, url: str) -> None:
    """A list would be judged by its first server alone."""
    environment(NATS_URL=url)
    assert fault().startswith("NATS_URL: ")


def test_two_equal_signing_keys_are_refused(environment: SetEnvironment) -> None:
    environment(QSTASH_NEXT_SIGNING_KEY=GOOD["QSTASH_CURRENT_SIGNING_KEY"])
    assert fault() == "QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY must differ"


@pytest.mark.parametrize("name", ["QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"])
@pytest.mark.parametrize("key", ["short", "x" * 31, "x" * 20 + " " + "x" * 20, "x" * 20 + "\t" + "x" * 20])
def test_a_signing_key_is_long_and_without_blanks(environment: SetEnvironment, name: str, key: str) -> None:
    environment(**{name: key})
    assert fault() == f"{name}: must be at least 32 characters without blanks"


def test_a_signing_key_of_thirty_two_characters_will_do(environment: SetEnvironment) -> None:
    environment(QSTASH_NEXT_SIGNING_KEY="x" * 32)
    read_settings(*GROUPS)


@pytest.mark.parametrize("value", ["'token'", '"token"', "a b", "Bearer token", "tok\u00e9n", "a\tb", "token\u200b"])
def test_a_token_stands_bare(environment: SetEnvironment, value: str) -> None:
    environment(QSTASH_TOKEN=value)
    assert fault() == "QSTASH_TOKEN: must be the bare token, without quotes or blanks"


@pytest.mark.parametrize("value", ["a b", "k\u00e9y", "a\nb"])
def test_an_api_key_stands_bare(environment: SetEnvironment, value: str) -> None:
    environment(SCRAPECREATORS_API_KEY=value)
    assert fault() == "SCRAPECREATORS_API_KEY: must be the bare key, without blanks"


@pytest.mark.parametrize("name", ["QSTASH_URL", "PUBLIC_WEBHOOK_URL"])
@pytest.mark.parametrize("tail", ["/v2/publish", "/v2/publish/", "/x/v2/publish", "?a=b", "#x", "/x?a"])
def test_a_base_url_has_no_tail(environment: SetEnvironment, name: str, tail: str) -> None:
    environment(**{name: f"https://h.example{tail}"})
    assert fault() == f"{name}: must be a base URL without query, fragment or /v2/publish"


@pytest.mark.parametrize("name", ["QSTASH_URL", "PUBLIC_WEBHOOK_URL", "CLERK_ISSUER", "SCRAPECREATORS_BASE_URL"])
@pytest.mark.parametrize(
    "value", ["h.example", "//h.example", "ftp://h.example", "https://", "https:///x", "https://?x"]
)
def test_a_url_is_one(environment: SetEnvironment, name: str, value: str) -> None:
    environment(**{name: value})
    assert fault().startswith(f"{name}: ")


@pytest.mark.security
@pytest.mark.parametrize(
    ("value", "is_fine"),
    [
        ("https://s.example", True),
        ("http://127.0.0.1:9000", True),
        ("http://s.example", False),
        ("http://127.0.0.1.s.example", False),
        ("http://10.0.0.7", False),
    ],
)
def test_the_key_goes_to_the_upstream_by_tls_or_stays_on_this_machine(
    environment: SetEnvironment, value: str, is_fine: bool
) -> None:
    environment(SCRAPECREATORS_BASE_URL=value)
    if is_fine:
        [upstream] = read_settings(UpstreamSettings)
        assert isinstance(upstream, UpstreamSettings)
        assert upstream.scrapecreators_base_url == value
    else:
        assert fault() == "SCRAPECREATORS_BASE_URL: must be https unless it is on loopback"


def test_a_slash_at_the_end_changes_nothing(environment: SetEnvironment) -> None:
    environment(
        QSTASH_URL="https://q.example/",
        PUBLIC_WEBHOOK_URL="https://h.example/base/",
        CLERK_ISSUER="https://c.example/",
        SCRAPECREATORS_BASE_URL="https://s.example/",
    )
    qstash, upstream, clerk = read_settings(QStashSettings, UpstreamSettings, ClerkSettings)
    assert isinstance(qstash, QStashSettings)
    assert (qstash.qstash_url, qstash.public_webhook_url) == ("https://q.example", "https://h.example/base")
    assert isinstance(upstream, UpstreamSettings)
    assert upstream.scrapecreators_base_url == "https://s.example"
    assert isinstance(clerk, ClerkSettings)
    assert clerk.jwks_url == "https://c.example/.well-known/jwks.json"


@pytest.mark.parametrize("value", ["mysql://h/db", "h/db", "postgresql:/h"])
def test_a_database_url_is_postgres(environment: SetEnvironment, value: str) -> None:
    environment(DATABASE_URL=value)
    assert fault() == "DATABASE_URL: must start with postgresql://"


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("https://a.example", ("https://a.example",)),
        (" https://a.example , http://localhost:3000,", ("https://a.example", "http://localhost:3000")),
        ("HTTPS://App.Example", ("https://app.example",)),
    ],
)
def test_the_list_of_origins(environment: SetEnvironment, value: str, origins: tuple[str, ...]) -> None:
    """Blanks and a last comma are forgiven; browsers send origins in lower case."""
    environment(CLERK_AUTHORIZED_PARTIES=value)
    [clerk] = read_settings(ClerkSettings)
    assert clerk.origins == origins


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "a.example",
        "https://",
        "https://a.example/",
        "https://a.example/x",
        "https://a.example?x",
        "https://a.example?",
        "https://a.example#x",
        "https://u:p@a.example",
        "https://a.example b.example",
        "https://a.example;https://b.example",
        "ftp://a.example",
        "null",
        "https://a.example, a.example",
        "https://a.example:port",
    ],
)
def test_what_is_no_origin_is_refused(environment: SetEnvironment, value: str) -> None:
    environment(CLERK_AUTHORIZED_PARTIES=value)
    assert fault().startswith("CLERK_AUTHORIZED_PARTIES: must be a")


def test_there_is_at_least_one_origin(environment: SetEnvironment) -> None:
    environment(CLERK_AUTHORIZED_PARTIES=" , ")
    assert fault() == "CLERK_AUTHORIZED_PARTIES: must name at least one origin"


@pytest.mark.parametrize("value", ["0", "-1", "65536", "8e3", "http", "80.5", "0x50"])
def test_a_port_out_of_bounds_is_refused(environment: SetEnvironment, value: str) -> None:
    environment(PORT=value)
    assert fault(ServerSettings, port=9).startswith("PORT: ")


@pytest.mark.parametrize("value", ["1", "65535"])
def test_a_port_at_its_bounds(environment: SetEnvironment, value: str) -> None:
    environment(PORT=value)
    [server] = read_settings(ServerSettings)
    assert server.port == int(value)


def test_the_environment_beats_the_services_own_port(environment: SetEnvironment) -> None:
    environment(PORT="9999")
    [server] = read_settings(ServerSettings, port=8010)
    assert server.port == 9999
    environment(PORT=None)
    [server] = read_settings(ServerSettings, port=8010)
    assert server.port == 8010
    assert fault(ServerSettings) == "PORT is missing"


@pytest.mark.parametrize("value", ["debug", "INFO", "Warning", "error"])
def test_log_levels(environment: SetEnvironment, value: str) -> None:
    environment(LOG_LEVEL=value)
    [server] = read_settings(ServerSettings)
    assert server.log_level == value


@pytest.mark.parametrize("value", ["", "loud", "critical", "info debug"])
def test_other_log_levels_are_refused(environment: SetEnvironment, value: str) -> None:
    environment(LOG_LEVEL=value)
    assert fault().startswith("LOG_LEVEL: ")


def test_a_log_has_two_formats(environment: SetEnvironment) -> None:
    for value in ("json", "console"):
        environment(LOG_FORMAT=value)
        read_settings(ServerSettings)
    environment(LOG_FORMAT="xml")
    assert fault().startswith("LOG_FORMAT: ")


def test_an_error_of_pydantic_itself_shows_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        NatsSettings(nats_url="http://u:hunter2@h")
    assert "hunter2" not in str(caught.value)


def test_secrets_are_secret(environment: SetEnvironment) -> None:
    """Every field whose name says so, in every group."""
    environment()
    for group in read_settings(*GROUPS):
        for name in type(group).model_fields:
            if name.endswith(("_key", "_token")) or name == "database_url":
                assert isinstance(getattr(group, name), SecretStr)
