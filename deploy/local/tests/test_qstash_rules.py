"""What the QStash stand-in decides, without a server: waits, targets, options, verdicts, signatures, pages."""

import hashlib
import math
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.qstash.backoff import WAIT_MAX, normal_wait, wait_before_retry
from local.qstash.duration import format_rfc1123, parse_go_duration, parse_retry_after, parse_span
from local.qstash.error import BadRequestError, QuotaError
from local.qstash.expression import ExpressionError, parse
from local.qstash.filter import Page, read_filter, read_page, read_query
from local.qstash.header import Pairs, canonical, grouped
from local.qstash.keys import USERS, WRONG_KEY
from local.qstash.message import Answer, Message
from local.qstash.option import read_options
from local.qstash.plan import FREE
from local.qstash.schedule import check_schedule_id, read_cron
from local.qstash.signature import Subject, sign
from local.qstash.switch import SignWith, Switchboard, Switches, read_rewrite
from local.qstash.target import read_address, read_target
from local.qstash.verdict import Delivered, Failed, Retry, judge

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def message(**headers: str) -> Message:
    pairs = tuple((f"Upstash-{name.replace('_', '-')}", value) for name, value in headers.items())
    return Message("msg_1", "https://a.example/x", b"{}", read_options(pairs, FREE), pairs, 0, 0, "127.0.0.1")


# Back-off


def test_the_normal_waits_are_the_published_ones() -> None:
    waits = [str(timedelta(seconds=round(normal_wait(retried).total_seconds()))) for retried in range(6)]
    assert waits == ["0:00:12", "0:02:28", "0:30:08", "6:07:06", "1 day, 0:00:00", "1 day, 0:00:00"]


def test_three_retries_run_out_after_32_minutes_49_seconds() -> None:
    total = sum((normal_wait(retried) for retried in range(3)), timedelta())
    assert round(total.total_seconds()) == 32 * 60 + 49


@given(st.integers(0, 10_000))
def test_the_normal_wait_grows_up_to_a_day(retried: int) -> None:
    assert timedelta() < normal_wait(retried) <= normal_wait(retried + 1) <= WAIT_MAX


def test_a_wish_of_the_destination_goes_before_the_publishers_expression() -> None:
    assert wait_before_retry(0, "1000", (("Retry-After", "7"),), NOW) == timedelta(seconds=7)


def test_the_first_of_the_four_headers_counts() -> None:
    headers = (("X-RateLimit-Reset", "6m5s"), ("retry-after", "0"))
    assert wait_before_retry(2, None, headers, NOW) == timedelta()
    assert wait_before_retry(2, None, headers[:1], NOW) == timedelta(minutes=6, seconds=5)


def test_a_wish_above_a_day_gives_the_normal_wait() -> None:
    assert wait_before_retry(0, None, (("Retry-After", "86401"),), NOW) == normal_wait(0)
    assert wait_before_retry(0, None, (("Retry-After", "86400"),), NOW) == timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("1000 * (1 + retried)", 4), ("pow(2, retried) * 1000", 8), ("-5", 0), ("pow(10, 300)", 86400)],
)
def test_an_expression_replaces_the_normal_wait_within_a_day(expression: str, seconds: int) -> None:
    assert wait_before_retry(3, expression, (), NOW) == timedelta(seconds=seconds)


def test_an_expression_without_a_value_gives_the_normal_wait() -> None:
    assert wait_before_retry(0, "1000 / retried", (), NOW) == normal_wait(0)


# Expressions


@pytest.mark.parametrize(
    ("text", "retried", "value"),
    [
        ("1000", 0, 1000),
        ("max(10, pow(2, retried))", 5, 32),
        ("min(pow(3,retried)*1000,300000)", 9, 300000),
        (" -retried + 2.5 ", 1, 1.5),
        ("floor(2.9) + ceil(2.1) + round(2.5) + abs(-1)", 0, 9),
        ("sqrt(16) / (1 + 1)", 0, 2),
        ("exp(0)", 0, 1),
    ],
)
def test_an_expression_has_the_value_that_it_says(text: str, retried: int, value: float) -> None:
    assert parse(text)(retried) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "retries",
        "d()",
        "d(1)",
        "__import__('os')",
        "retried.real",
        "pow(2)",
        "min()",
        "sqrt(x=4)",
        "2 ** 9",
        "1 if retried else 2",
        "[1][0]",
        "True",
        "1j",
        "'a'",
        "lambda: 1",
        "(a := 1)",
        "max(*[1, 2])",
        "1 +",
        "1" * 301,
        "(" * 299 + "1",
    ],
)
def test_anything_else_is_not_an_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize("text", ["1 / retried", "pow(10, 999)", "1e308 * 10", "1e999 - 1e999", "sqrt(-1)"])
def test_what_has_no_finite_value_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)(0)


@given(st.text(max_size=60), st.integers(0, 100))
def test_no_text_does_anything_but_give_a_number_or_an_expression_error(text: str, retried: int) -> None:
    try:
        assert math.isfinite(parse(text)(retried))
    except ExpressionError:
        return


@given(st.text(alphabet="()+-*/.,19 retidpowminax", max_size=300), st.integers(0, 100))
def test_nor_does_a_text_that_looks_like_one(text: str, retried: int) -> None:
    try:
        assert math.isfinite(parse(text)(retried))
    except ExpressionError:
        return


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"), [("50s", 50), ("1d10h30m", 124200), ("100", 100), ("2m", 120), ("0s", 0), (" 5s ", 5)]
)
def test_a_delay_is_a_chain_of_units_or_seconds(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "5 s", "1.5s", "-1s", "5w", "5ms", "٣s", "9" * 11 + "d"])
def test_anything_else_is_not_a_delay(text: str) -> None:
    assert parse_span(text) is None


@given(st.integers(0, 99), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_delay_is_read_as_it_was_written(days: int, hours: int, minutes: int, seconds: int) -> None:
    written = f"{days}d{hours}h{minutes}m{seconds}s"
    assert parse_span(written) == timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"), [("6m5s", 365), ("1.5h", 5400), ("250ms", 0.25), ("3µs", 3e-6), ("1h2m3s", 3723)]
)
def test_go_durations_are_understood(text: str, seconds: float) -> None:
    assert parse_go_duration(text) == timedelta(seconds=seconds)


@given(st.integers(0, 86_400))
def test_retry_after_may_be_a_date(seconds: int) -> None:
    text = format_rfc1123(NOW + timedelta(seconds=seconds))
    assert parse_retry_after(text, NOW) == timedelta(seconds=seconds)


def test_a_date_in_the_past_means_at_once() -> None:
    assert parse_retry_after(format_rfc1123(NOW - timedelta(days=3)), NOW) == timedelta()


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_retry_after(text: str) -> None:
    wait = parse_retry_after(text, NOW)
    assert wait is None or wait >= timedelta()


# Targets


@pytest.mark.parametrize(
    ("path", "query", "url"),
    [
        ("https://example.com", "", "https://example.com"),
        ("https://example.com/", "", "https://example.com/"),
        (
            "https://example.com/a//c",
            "x=1&y=a%20b&z=%2F+%C3%A9",
            "https://example.com/a//c?x=1&y=a%20b&z=%2F+%C3%A9",
        ),
        ("http://user:pw@h:8000/p", "", "http://user:pw@h:8000/p"),
        ("https://example.com/a%2Fb%20c", "", "https://example.com/a%2Fb%20c"),
        ("https%3A%2F%2Fexample.com%2Fa%3Fx%3D1", "y=2", "https://example.com/a?x=1&y=2"),
        ("https://a.example/x", "qstash_token=t&q=1&upstash-retries=3", "https://a.example/x?q=1"),
        ("https://a.example/x", "a&&b=", "https://a.example/x?a&b="),
    ],
)
def test_the_destination_is_the_rest_of_the_raw_target(path: str, query: str, url: str) -> None:
    assert read_target(path, query).url == url


def test_settings_may_be_query_parameters() -> None:
    target = read_target("https://a.example", "upstash-delay=100s&Upstash-Retries=2&u=1")
    assert target.settings == (("upstash-delay", "100s"), ("upstash-retries", "2"))


@pytest.mark.parametrize("url", ["example.com", "ftp://a.example", "api/llm", "", "my%20group"])
def test_a_destination_needs_a_scheme(url: str) -> None:
    with pytest.raises(BadRequestError, match="endpoint has invalid scheme, add http:// or https://"):
        read_address(url)


@pytest.mark.parametrize(
    "url", ["http://", "http:///x", "http://:80/", "http://a b/", "http://a:99999/", "http://[x]/"]
)
def test_a_destination_needs_a_host(url: str) -> None:
    with pytest.raises(BadRequestError, match="invalid host"):
        read_address(url)


def test_a_url_without_a_path_is_asked_for_its_root() -> None:
    assert read_address("https://a.example?x=1").target == "/?x=1"
    assert read_address("http://u:p@[::1]:80/x").hostname == "::1"


# Options


def test_what_is_not_said_has_the_defaults() -> None:
    options = message().options
    assert (options.method, options.retries, options.headers) == ("POST", 3, ())
    assert options.timeout == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"Deduplication_Id": "a:b"}, "DeduplicationId cannot contain ':'"),
        ({"Retries": "6"}, "quota maxRetries exceeded"),
        ({"Retries": "-1"}, "invalid Upstash-Retries"),
        ({"Delay": "8d"}, "quota maxDelay exceeded, current limit: 604800"),
        ({"Delay": "soon"}, "invalid Upstash-Delay"),
        ({"Method": "HEAD"}, "invalid method"),
        ({"Retry_Delay": "open(1)"}, "invalid retry delay"),
        ({"Callback": "a.example"}, "invalid callback url"),
        ({"Content_Based_Deduplication": "yes"}, "invalid Upstash-Content-Based-Deduplication"),
        ({"Flow_Control_Key": "k", "Flow_Control_Value": "rate=x"}, "invalid flow control value"),
    ],
)
def test_what_the_real_server_refuses_is_refused(headers: dict[str, str], error: str) -> None:
    with pytest.raises((BadRequestError, QuotaError), match=error):
        message(**headers)


def test_forwarded_headers_lose_their_prefix_and_win_over_the_plain_content_type() -> None:
    pairs: Pairs = (
        ("content-type", "text/plain"),
        ("upstash-forward-content-type", "application/json"),
        ("Upstash-Forward-Authorization", "Bearer theirs"),
        ("upstash-forward-content-length", "99"),
        ("authorization", "Bearer ours"),
        ("x-other", "1"),
    )
    headers = read_options(pairs, FREE).headers
    assert headers == (("Content-Type", "application/json"), ("Authorization", "Bearer theirs"))


def test_all_headers_are_forwarded_if_asked_for_but_never_the_token() -> None:
    pairs: Pairs = (
        ("upstash-header-forward", "true"),
        ("authorization", "Bearer ours"),
        ("host", "h"),
        ("x-other", "1"),
    )
    assert read_options(pairs, FREE).headers == (("X-Other", "1"),)


def test_settings_of_a_callback_are_those_of_a_message() -> None:
    options = message(
        Failure_Callback="https://a.example/f",
        Failure_Callback_Retries="2",
        Failure_Callback_Forward_X="y",
        Callback_Method="GET",
    ).options
    assert options.failure_callback is not None
    assert options.failure_callback.settings == (("Upstash-Retries", "2"), ("Upstash-Forward-X", "y"))
    assert options.callback is None


def test_a_timeout_only_shortens_the_plans() -> None:
    assert message(Timeout="5s").options.timeout == timedelta(seconds=5)
    assert message(Timeout="2h").options.timeout == timedelta(minutes=15)


def test_header_names_are_written_as_go_does() -> None:
    assert canonical("x-REQUEST-id") == "X-Request-Id"
    assert grouped((("a-b", "1"), ("A-B", "2"))) == {"A-B": ["1", "2"]}


# Verdicts


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    assert judge(message(), 0, Answer(status), NOW) == Delivered()


@pytest.mark.parametrize("status", [0, 301, 307, 400, 401, 404, 429, 489, 500, 503])
def test_anything_else_is_tried_again_while_retries_are_left(status: int) -> None:
    assert judge(message(Retries="1"), 0, Answer(status), NOW) == Retry(normal_wait(0))
    assert judge(message(Retries="1"), 1, Answer(status), NOW) == Failed()


def test_retries_of_zero_are_honoured() -> None:
    assert judge(message(Retries="0"), 0, Answer(500), NOW) == Failed()


def test_giving_up_at_once_needs_the_status_and_the_header() -> None:
    header = (("upstash-nonretryable-error", "true"),)
    assert judge(message(), 0, Answer(489, header), NOW) == Failed()
    assert judge(message(), 0, Answer(500, header), NOW) == Retry(normal_wait(0))
    assert judge(message(), 0, Answer(489, (("Upstash-NonRetryable-Error", "false"),)), NOW) == Retry(normal_wait(0))


# Signatures


@given(st.binary(max_size=100), st.floats(0, 4e9))
def test_a_signature_is_never_from_the_future_and_lasts_five_minutes(body: bytes, now_s: float) -> None:
    key = USERS[0].current_signing_key
    token = sign(Subject("https://a.example//x", body, now_s, "jwt_1"), key)
    claims = jwt.decode(token, key, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert claims.keys() == {"iss", "sub", "exp", "nbf", "iat", "jti", "body"}
    assert (claims["iss"], claims["sub"], claims["nbf"]) == ("Upstash", "https://a.example//x", 0)
    assert isinstance(claims["iat"], int)
    assert now_s - 1 < claims["iat"] <= now_s
    assert claims["exp"] == claims["iat"] + 300
    assert len(claims["body"]) == 44
    assert urlsafe_b64decode(claims["body"]) == hashlib.sha256(body).digest()


def test_the_published_users_are_four_with_eight_keys() -> None:
    keys = {key for user in USERS for key in (user.current_signing_key, user.next_signing_key)}
    assert len({user.token for user in USERS}) == 4
    assert len(keys) == 8
    assert {len(key) for key in keys} == {len(WRONG_KEY)} == {32}


# Schedules


def test_a_cron_expression_may_name_its_zone() -> None:
    assert read_cron(" */5 * * * * ").next_after(NOW) == NOW + timedelta(minutes=5)
    tokyo = read_cron("CRON_TZ=Asia/Tokyo 0 13 * * *")
    assert tokyo.next_after(NOW) == datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    assert tokyo.text == "CRON_TZ=Asia/Tokyo 0 13 * * *"


@pytest.mark.parametrize(
    "text", [None, "", "* * * *", "* * * * * *", "61 * * * *", "CRON_TZ=No/Where * * * * *", "CRON_TZ=../x * * * * *"]
)
def test_anything_else_is_not_a_cron_expression(text: str | None) -> None:
    with pytest.raises(BadRequestError, match="invalid cron"):
        read_cron(text)


def test_a_schedules_id_is_plain() -> None:
    assert check_schedule_id("a-B_1.x") == "a-B_1.x"
    with pytest.raises(BadRequestError):
        check_schedule_id("a b")


# Filters and pages


def test_values_are_alternatives_and_filters_add_up() -> None:
    wanted = read_filter(read_query("label=a&label=b,c&url=https://x", frozenset({"label", "url"})))
    url = frozenset({"https://x"})
    assert wanted.matches({"label": frozenset({"c"}), "url": url}, 0)
    assert not wanted.matches({"label": frozenset({"d"}), "url": url}, 0)
    assert not wanted.matches({"label": frozenset({"a"})}, 0)


def test_dates_are_inclusive() -> None:
    wanted = read_filter(read_query("fromDate=5&toDate=7", frozenset({"fromDate", "toDate"})))
    assert [time_ms for time_ms in range(10) if wanted.matches({}, time_ms)] == [5, 6, 7]


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(BadRequestError, match="unknown filter: labeel"):
        read_query("labeel=a", frozenset({"label"}))


@pytest.mark.parametrize("query", ["cursor=x", "order=sideways", "count=-1"])
def test_a_page_that_makes_no_sense_is_refused(query: str) -> None:
    with pytest.raises(BadRequestError):
        read_page(read_query(query, frozenset()), 10, is_latest_first=False)


@given(st.sets(st.integers(0, 1000)), st.integers(1, 20), st.booleans())
def test_pages_show_every_entry_once_in_order(numbers: set[int], count: int, is_latest_first: bool) -> None:
    entries = [(number, number) for number in sorted(numbers)]
    seen: list[int] = []
    page = Page(None, count, is_latest_first)
    for _ in range(len(numbers) + 1):
        kept, last = page.cut(entries)
        seen.extend(kept)
        if last is None:
            break
        page = Page(last, count, is_latest_first)
    assert seen == sorted(numbers, reverse=is_latest_first)


# Switches


@pytest.mark.parametrize(
    "values",
    [
        {"duplicates": 1},
        {"duplicate": -1},
        {"duplicate": True},
        {"duplicate": "1"},
        {"time_factor": -0.5},
        {"production_like": 1},
        {"sign_with": "other"},
        {"rewrite": {"https://a.example/path": "http://b"}},
        {"rewrite": {"https://a.example": 1}},
    ],
)
def test_a_switch_has_only_possible_positions(values: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        Switches().changed(values)


def test_switches_that_are_not_named_stay() -> None:
    changed = Switches(duplicate=2).changed({"clock_skew_s": -10, "sign_with": "next", "time_factor": 1})
    assert changed == Switches(duplicate=2, clock_skew_s=-10.0, sign_with=SignWith.NEXT)


def test_counts_run_down() -> None:
    board = Switchboard(Switches(fail_next=2))
    assert [board.take("fail_next") for _ in range(4)] == [True, True, False, False]
    board.reset()
    assert board.now.fail_next == 2


def test_a_rewrite_changes_the_origin_alone() -> None:
    switches = Switches(rewrite=dict([read_rewrite("https://A.example=http://127.0.0.1:9000")]))
    address = switches.address("https://a.example//x%2F?y=1")
    assert (address.origin, address.target) == ("http://127.0.0.1:9000", "//x%2F?y=1")
    assert switches.address("https://b.example/x").origin == "https://b.example"
