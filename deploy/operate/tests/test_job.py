"""One job on one screen, and what a reference leads to."""

from typing import Any
from uuid import uuid4

import pytest

from common.platform import Unparsable
from common.tracing.identity import job_place
from common.transaction.failure import cancel_job

pytestmark = pytest.mark.server


def waits_on(operate: Any, job_id: Any) -> str:
    done = operate("job", job_id)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("waits on")]
    return line.removeprefix("waits on").strip()


async def test_everything_about_a_job_that_runs(stage: Any, operate: Any, parsed: Any) -> None:
    await stage.announce()
    failed, step = await stage.create("vegan", "#food", target=5)
    letter = await stage.give_up(failed)
    items = [stage.person(1), stage.person(1), stage.person(2), Unparsable("no_id")]
    await stage.deliver(step, *items, cursor="next")
    content = parsed(operate("job", step.job_id, "--json"))
    assert content["job"]["delivered_count"] == 2
    assert content["trace_id"] == job_place(step.job_id).trace_hex
    assert content["record"]["owner"] == "user:user_ada"
    assert {(row["outcome"], row["count"]) for row in content["funnel"]} == {
        ("delivered", 2),
        ("duplicate", 1),
        ("unparsable", 1),
    }
    assert [row["id"] for row in content["letters"]] == [str(letter)]
    assert [(row["step"], row["phase"], row["published_at"]) for row in content["open_steps"]] == [(1, "page", None)]
    (call,) = content["calls"]
    assert (call["status"], call["http_status"], call["credits_charged"], call["milliseconds"]) == (
        "settled",
        200,
        1,
        312,
    )
    shown = operate("job", step.job_id).stdout
    for text in (
        f"{step.job_id}, tiktok, keyword",
        job_place(step.job_id).trace_hex,
        "user:user_ada, created by user_ada",
        "5 creators: vegan, #food, DE",
        "processing, run 1,",
        stage.job(step.job_id)["reference"],
        "2 delivered, 0 pending, 0 in reserve; 4 items on 1 of 200 pages",
        "1 spent, 0 reserved of 15 granted, 5000 at most; 1 calls",
        "2 delivered, 1 duplicate, 1 unparsable (no_id)",
        "keyword vegan",
        "hashtag food",
        "failed",
        "step 1, page, unpublished, due for",
        "/v1/tiktok/search/keyword",
        "attempts_used_up",
        str(letter),
        "steps: 1 for the sweep to publish",
    ):
        assert text in shown
    narrow = operate("job", step.job_id, width=80).stdout.splitlines()
    assert max(len(line) for line in narrow) <= 80
    assert len(narrow) <= 40, "one screen"
    assert parsed(operate("job", step.job_id, "--json", "--calls", 0))["calls"] == []


async def test_a_job_says_what_it_waits_on(stage: Any, operate: Any) -> None:
    await stage.announce()
    stage.set("limits", "active_jobs_per_owner", 1)
    (step,) = await stage.create("a")
    job_id = step.job_id
    assert waits_on(operate, job_id) == "steps: 1 for the sweep to publish"
    stage.rows("update steps set published_generation = 0, published_at = now() returning 1")
    assert waits_on(operate, job_id) == "steps: 1 published, for a worker to take"
    stage.rows("update steps set generation = 1, due_at = now() + interval '1 hour' returning 1")
    assert waits_on(operate, job_id) == "steps: 1 not due yet"
    stage.rows("update steps set token = gen_random_uuid(), lease_until = now() + interval '1 hour' returning 1")
    assert waits_on(operate, job_id) == "steps: 1 in a worker's hands"
    stage.rows("update steps set phase = 'held' , token = null, lease_until = null returning 1")
    assert waits_on(operate, job_id) == "nothing that is due: the sweep concludes it"
    operate("platforms", "pause", "tiktok")
    assert waits_on(operate, job_id) == "tiktok (operator) until it is resumed"


async def test_a_job_that_waits_for_its_turn_says_its_place(stage: Any, operate: Any) -> None:
    for number in range(7):
        await stage.create(f"k{number}")
    places = [
        waits_on(operate, row["id"]).split(",")[0]
        for row in stage.rows("select id from jobs where admitted_at is null order by id")
    ]
    assert places == ["its owner's turn: place 1", "its owner's turn: place 2"]


async def test_a_job_that_ended_shows_why(stage: Any, operate: Any) -> None:
    job_id, _ = await stage.failed("a")
    assert waits_on(operate, job_id) == "nothing: it has ended"
    shown = operate("job", job_id).stdout
    job = stage.job(job_id)
    assert "error (failed), run 1," in shown
    assert job["error"] in shown
    assert job["reference"] in shown


async def test_a_job_that_was_cancelled_shows_where_its_searches_stopped(stage: Any, operate: Any) -> None:
    first, _ = await stage.create("a", "b")
    await stage.deliver(first, stage.person(1), cursor="next")
    await cancel_job(stage.unit, first.job_id)
    shown = operate("job", first.job_id).stdout
    assert "cancelled (cancelled), run 1," in shown
    assert "stopped before step 1" in shown
    assert "stopped before step 0" in shown
    assert "unpublished" not in shown


async def test_an_unknown_job_is_one_line(operate: Any) -> None:
    job_id = uuid4()
    done = operate("job", job_id)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"operate: {job_id}: there is no such job\n"


async def test_a_reference_leads_to_its_job_and_its_letter(stage: Any, operate: Any, parsed: Any) -> None:
    """Also when the job shows it no more, because it is retried."""
    await stage.failed("other")
    job_id, (letter,) = await stage.failed("a")
    reference = stage.job(job_id)["reference"]
    for status in ("error", "pending"):
        found = parsed(operate("find", reference, "--json"))
        assert [(job["id"], job["status"]) for job in found["jobs"]] == [(str(job_id), status)]
        assert [row["id"] for row in found["letters"]] == [str(letter)]
        for width in (80, 140):
            shown = operate("find", reference, width=width).stdout
            assert all(text in shown for text in (str(job_id), str(letter), reference, status))
            assert max(len(line) for line in shown.splitlines()) <= width
        operate("letters", "redrive", letter)


async def test_a_reference_of_a_job_without_a_letter_is_found(stage: Any, operate: Any, parsed: Any) -> None:
    (step,) = await stage.create("a")
    stage.rows("update jobs set reference = 'abc' where id = %s returning 1", step.job_id)
    found = parsed(operate("find", "abc", "--json"))
    assert ([job["id"] for job in found["jobs"]], found["letters"]) == ([str(step.job_id)], [])


async def test_a_reference_that_nothing_carries_is_one_line(stage: Any, operate: Any) -> None:
    await stage.failed("a")
    done = operate("find", "nothing' or ''='")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "operate: nothing' or ''=': no job and no letter carries this reference; the logs may\n"
