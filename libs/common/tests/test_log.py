"""What a process writes: one JSON object a line, and no secret in it, whoever logs."""

import copy
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.errors import ShapeError
from common.log import mask, render_masked

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl"
SECRETS = {
    "a token": JWT,
    "a token without its signature": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.",
    "a token of QStash": "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
    "a signing key": "sig_4kUvnQ8rTt5wXyZaBcDeFgHiJkLm",
    "a webhook secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "a secret key": "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "an e-mail": "ada.lovelace+news@mail.example.co.uk",
    "a database URL": "postgresql://scout:hunter2@db.example:5432/x",
    "another form": "postgres://scout:hunter2@db.example/x",
    "SQLAlchemy's form": "postgresql+psycopg://scout:p!w/x@db/x",
    "a NATS URL": "nats://scout:hunter2@nats:4222",
    "a proxy": "http://scout:hunter2@proxy:3128/",
}
PRIVATE = ("hunter2", "p!w", "lovelace", "eyJ", "c2lnbmF0", "sig_4", "whsec_M", "sk_test_4", "scout")
PUBLIC = (
    "https://www.tiktok.com/@ada.lovelace",
    "@ada",
    "step.performed",
    "0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d",
    "steps.tiktok",
    "3 @ 4",
    "https://api.example/v1/search?query=cats",
)


def run(code: str, level: str = "info", form: str = "json") -> list[str]:
    """What a process that configured its log prints, line by line."""
    script = f"""
import logging, sys
import structlog
from common.log import configure_logging
configure_logging(level={level!r}, form={form!r})
log = structlog.get_logger()
JWT = {JWT!r}
URL = "postgresql://scout:hunter2@db.example/x"
{code}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def events(code: str, level: str = "info") -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(code, level)]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("frame", ["{}", "see {} there", "x='{}'", "({})", "a\n{}\nb"])
def test_a_secret_is_masked_wherever_it_stands(secret: str, frame: str) -> None:
    """As a value, in the middle of one, deep inside, in an object's text, in bytes and in the event itself."""
    text = frame.format(secret)
    written = mask(
        None,
        "",
        {
            "event": text,
            "value": text,
            "deep": {"list": [{"x": (text,)}], text: 1},
            "error": ShapeError(text),
            "bytes": text.encode(),
            "set": {text},
            "exception": f"Traceback\n{text}",
        },
    )
    rendered = json.dumps(written)
    assert rendered.count("[masked]") >= 8
    assert not [private for private in PRIVATE if private in rendered]


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_stays(text: str) -> None:
    assert mask(None, "", {"event": text, "x": [text]}) == {"event": text, "x": [text]}


def test_values_that_are_no_text_stay_as_they_are() -> None:
    facts: dict[str, object] = {"n": 3, "f": 0.5, "b": True, "none": None, "list": [1, None], "map": {"k": 2}}
    assert mask(None, "", dict(facts)) == facts


@given(at=st.integers(0, 600), secret=st.sampled_from(sorted(SECRETS.values())))
@example(at=480, secret=SECRETS["a database URL"])
@example(at=490, secret=JWT)
def test_a_secret_that_the_cut_would_halve_is_masked_whole(at: int, secret: str) -> None:
    written = mask(None, "", {"event": "-" * at + " " + secret})["event"]
    assert isinstance(written, str)
    assert len(written) <= 500
    assert not [private for private in PRIVATE if private in written]


def test_a_long_text_is_cut_and_a_traceback_is_not() -> None:
    written = mask(None, "", {"event": "x" * 5000, "exception": "y" * 5000})
    assert written == {"event": "x" * 500, "exception": "y" * 5000}


def test_an_event_is_one_json_object_a_line_with_its_facts() -> None:
    [event] = events('log.info("step.performed", job_id="j", step=3, items=None)')
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "step.performed", "level": "info", "job_id": "j", "step": 3, "items": None}


def test_bound_facts_are_in_every_event() -> None:
    written = events(
        """
structlog.contextvars.bind_contextvars(job_id="j", token=JWT)
log.info("a.done")
logging.getLogger("lib").warning("careful")
"""
    )
    assert [(event["job_id"], event["token"]) for event in written] == [("j", "[masked]")] * 2


def test_newlines_and_escapes_stay_in_one_line() -> None:
    """Nobody forges an event or colours an operator's terminal."""
    code = r"""
evil = 'x\n{"event": "forged"}\r\n\x1b[31mred\x00\u2028\u0085y'
log.info(evil, value=evil, **{"k\ney": evil})
logging.getLogger("lib").warning(evil)
"""
    lines = run(code)
    assert len(lines) == 2
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["event"].startswith('x\n{"event": "forged"}')


def test_libraries_log_as_json_from_warning_upwards() -> None:
    written = events(
        """
lib = logging.getLogger("some.library")
lib.info("not heard")
lib.warning("mail from %s", "ada@mail.example")
lib.error("at %s", URL, extra={"token": JWT})
""",
        level="debug",
    )
    assert [(event["event"], event["level"]) for event in written] == [
        ("mail from [masked]", "warning"),
        ("at [masked]db.example/x", "error"),
    ]


@pytest.mark.parametrize("raiser", ['log.exception("step.failed")', 'logging.getLogger("lib").exception("failed")'])
def test_an_exception_is_written_in_its_line_and_masked(raiser: str) -> None:
    """With all that led to it, and without the texts: masking cannot know all that others write into theirs."""
    lines = run(
        f"""
try:
    try:
        raise ValueError(f"first {{JWT}} canary")
    except ValueError as error:
        raise RuntimeError(f"then {{URL}} canary") from error
except RuntimeError:
    {raiser}
"""
    )
    [event] = [json.loads(line) for line in lines]
    assert event["level"] == "error"
    assert re.search(
        r"line \d+, in <module>\nValueError\n.*line \d+, in <module>\nRuntimeError$", event["exception"], re.S
    )
    assert not [private for private in ("hunter2", "eyJ", "scout", "canary") if private in lines[0]]


def test_an_exception_as_a_fact_is_its_kind() -> None:
    [event] = events('log.warning("call.failed", error=ValueError(f"at {URL}"), deep=[KeyError("canary")])')
    assert (event["error"], event["deep"]) == ("ValueError", ["KeyError"])


def test_what_asyncio_and_libraries_say_of_an_exception_has_no_text() -> None:
    """asyncio shows the task whose exception nobody fetched, with the exception; others name it in their message."""
    lines = run(
        """
import asyncio, gc
async def fail():
    raise ValueError("canary")
async def main():
    asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    gc.collect()
asyncio.run(main())
logging.getLogger("lib").warning("broken 100%%: %s", KeyError("canary"))
logging.getLogger("asyncio").warning("at %s", "100%")
"""
    )
    assert "canary" not in "".join(lines).replace('raise ValueError(\\"canary\\")', "")
    written = [json.loads(line) for line in lines]
    assert written[0]["event"] == "Task exception was never retrieved"
    assert written[0]["exception"].endswith("ValueError")
    assert written[1]["event"] == "broken 100%: KeyError"
    assert written[2]["event"] == "at 100%"


def test_what_ends_the_process_is_one_line_without_its_text() -> None:
    script = """
from common.log import configure_logging
configure_logging(level="info", form="json")
text = "".join(["can", "ary"])
raise ValueError(text)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    [event] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (event["event"], event["error"], event["level"]) == ("process.broke", "ValueError", "critical")
    assert "canary" not in done.stdout


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_is_kept(level: str, expected: list[str]) -> None:
    code = "for name in ('debug', 'info', 'warning', 'error'): getattr(log, name)('a.b')"
    assert [event["level"] for event in events(code, level)] == expected


def test_the_level_is_kept_by_libraries_that_set_one_of_their_own() -> None:
    """As psycopg's does, which makes the root's level count for nothing."""
    code = """
lib = logging.getLogger("some.library")
lib.setLevel(logging.WARNING)
lib.warning("not heard")
lib.error("heard")
"""
    assert [event["event"] for event in events(code, level="error")] == ["heard"]


def test_a_command_may_log_to_stderr() -> None:
    script = """
import logging, sys
import structlog
from common.log import configure_logging
configure_logging(level="info", form="json", stream=sys.stderr)
structlog.get_logger().info("a.b")
logging.getLogger("lib").error("c")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["a.b", "c"]


def test_people_read_columns() -> None:
    """The console's form masks the same."""
    lines = run('log.info("step.performed", who="ada@mail.example", deep=[JWT])', form="console")
    text = "\n".join(lines)
    assert "step.performed" in text
    assert text.count("[masked]") == 2
    assert "eyJ" not in text


FACTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.sampled_from([*SECRETS.values(), *PUBLIC, "x" * 600, "eyJ", "a@b.c", "sig_" + "a" * 16, "http://a:b@c"])
    | st.frozensets(st.integers(), max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=20), FACTS, max_size=6))
@example({"event": "a", "exception": "x" * 600 + " ada@example.com"})
@example({"event": "a", "fact": {("a", "b"): JWT}})
def test_a_line_is_the_masked_event_whatever_is_in_it(event: dict[str, Any]) -> None:
    expected = json.dumps(mask(None, "info", copy.deepcopy(event)))
    assert render_masked(None, "info", copy.deepcopy(event)) == expected
