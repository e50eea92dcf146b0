"""Letters: listed, driven again, put away; each refusal is one line on stderr and exit code 1."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from common.transaction.failure import cancel_job, end_if_overdue

pytestmark = pytest.mark.server

SWEEP = "What is due, the webhook's sweep publishes within seconds (it looks every 15 s).\n"


async def test_without_letters_it_says_so(operate: Any, parsed: Any) -> None:
    assert operate("letters", "list").stdout == "No open letters.\n"
    assert operate("letters", "list", "--resolved").stdout == "No resolved letters.\n"
    assert parsed(operate("letters", "list", "--json")) == []
    done = operate("letters", "redrive", "--all")
    assert (done.returncode, done.stdout) == (0, "No open letters.\n")


async def test_a_list_shows_all_that_leads_on_the_newest_first(stage: Any, operate: Any, parsed: Any) -> None:
    await stage.announce()
    owner = "org:org_2NNEqL2nrIRdJ194ndJqAHwEfxC"
    first_job, (first,) = await stage.failed("vegan", owner=owner)
    _, (second,) = await stage.failed("#food")
    stage.rows("update dead_letters set created_at = now() - interval '3 hours' where id = %s returning 1", first)
    rows = parsed(operate("letters", "list", "--json"))
    assert [row["id"] for row in rows] == [str(second), str(first)]
    older = rows[1]
    assert (older["job_id"], older["owner"], older["platform"], older["job_status"]) == (
        str(first_job),
        owner,
        "tiktok",
        "error",
    )
    assert (older["kind"], older["query"], older["step"], older["generation"]) == ("keyword", "vegan", 0, 0)
    assert (older["reason"], older["reference"]) == ("attempts_used_up", stage.job(first_job)["reference"])
    assert older["details"] == {"attempts": 5, "reference": older["reference"]}
    assert (older["resolved_at"], older["resolution"], older["resolved_by"]) == (None, None, None)
    for width in (80, 140):
        shown = operate("letters", "list", width=width).stdout
        assert max(len(line) for line in shown.splitlines()) <= width
        whole = (str(first), str(second), str(first_job), owner, older["reference"], "3 h", "vegan", older["reason"])
        assert [text for text in whole if text not in shown] == [], "nothing is cut, ids can be copied"
        assert shown.index(str(second)) < shown.index(str(first))


async def test_pages_of_the_list_meet_and_do_not_overlap(stage: Any, operate: Any, parsed: Any) -> None:
    _, letters = await stage.failed("a", "b", "c", "d", "e")
    seen: list[str] = []
    page = parsed(operate("letters", "list", "--count", 2, "--json"))
    while page:
        seen += [row["id"] for row in page]
        page = parsed(operate("letters", "list", "--count", 2, "--json", "--before", seen[-1]))
    assert seen == [str(letter) for letter in reversed(letters)]
    first = operate("letters", "list", "--count", 2).stdout
    assert first.endswith(f"More: --before {letters[3]}\n")
    assert "More:" not in operate("letters", "list", "--count", 1, "--before", letters[1]).stdout
    assert operate("letters", "list", "--before", letters[0]).stdout == "No open letters below this one.\n"


async def test_a_list_is_of_open_letters_or_of_resolved_ones(stage: Any, operate: Any, parsed: Any) -> None:
    _, (one, other) = await stage.failed("a", "b")
    await stage.resolve(one)
    assert [row["id"] for row in parsed(operate("letters", "list", "--json"))] == [str(other)]
    (resolved,) = parsed(operate("letters", "list", "--resolved", "--json"))
    assert (resolved["id"], resolved["resolution"], resolved["resolved_by"]) == (str(one), "discarded", "eve")
    assert "discarded by eve" in operate("letters", "list", "--resolved").stdout


async def test_what_users_wrote_does_not_steer_the_terminal(stage: Any, operate: Any) -> None:
    await stage.failed("vegan")
    stage.rows("update searches set query = %s returning 1", "[red]\x1b]0;owned\x07\x1b[2J\u202e💄")
    shown = operate("letters", "list").stdout
    assert "[red]" in shown, "no markup"
    assert "💄" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "\x1b" not in operate("job", stage.rows("select id from jobs")[0]["id"]).stdout


async def test_a_letter_of_a_failed_job_retries_the_job(stage: Any, operate: Any) -> None:
    """It is pending again, its step due at a generation that was never published; the other letters are settled."""
    job_id, (letter, other) = await stage.failed("a", "b")
    done = operate("letters", "redrive", letter)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{letter}: redriven, 2 steps are due\n{SWEEP}"
    job = stage.job(job_id)
    assert (job["status"], job["run"], job["reference"], job["error"]) == ("pending", 2, None, None)
    assert stage.due(job_id) == 2
    assert (stage.letter(letter), stage.letter(other)) == (("redriven", "grace"), ("retried", None))


async def test_a_letter_of_a_job_that_ran_out_of_time_retries_the_job_and_keeps_what_it_found(
    stage: Any, operate: Any
) -> None:
    failed, other = await stage.create("a", "b")
    letter = await stage.give_up(failed)
    await stage.deliver(other, stage.person(1), cursor="next")
    stage.rows("update jobs set deadline_at = now() returning 1")
    await end_if_overdue(stage.unit, failed.job_id)
    assert stage.job(failed.job_id)["status"] == "timeout"
    assert operate("letters", "redrive", letter).stdout == f"{letter}: redriven, 2 steps are due\n{SWEEP}"
    job = stage.job(failed.job_id)
    assert (job["status"], job["run"], job["delivered_count"], job["deadline_at"]) == ("pending", 2, 1, None)
    assert stage.due(failed.job_id) == 2


async def test_two_at_once_drive_a_letter_again_once(stage: Any, installed_operate: Any) -> None:
    job_id, (letter,) = await stage.failed("a")
    done = await asyncio.gather(*(asyncio.to_thread(installed_operate, "letters", "redrive", letter) for _ in range(3)))
    assert sum("redriven" in one.stdout for one in done) == 1
    assert all("redriven" in one.stdout or "settled meanwhile" in one.stdout or one.returncode == 1 for one in done)
    assert (stage.job(job_id)["run"], stage.due(job_id)) == (2, 1)


async def test_a_letter_of_a_running_job_sets_its_search_going_alone(stage: Any, operate: Any) -> None:
    failed, running = await stage.create("a", "b")
    letter = await stage.give_up(failed)
    assert stage.due(failed.job_id) == 1
    done = operate("letters", "redrive", letter, "--by", "ada")
    assert done.stdout == f"{letter}: redriven, 1 step is due\n{SWEEP}"
    assert (stage.job(failed.job_id)["status"], stage.job(failed.job_id)["run"]) == ("pending", 1)
    steps = stage.rows("select search_id, phase, generation, attempts from steps order by generation")
    assert [(step["search_id"], step["phase"], step["generation"]) for step in steps] == [
        (running.search_id, "page", 0),
        (failed.search_id, "page", 1),
    ]
    assert stage.letter(letter) == ("redriven", "ada")


async def test_all_settles_every_letter_also_those_that_went_with_their_job(stage: Any, operate: Any) -> None:
    job_id, (one, two) = await stage.failed("a", "b")
    other_job, (three,) = await stage.failed("c")
    done = operate("letters", "redrive", "--all")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{one}: redriven, 2 steps are due\n"
        f"{two}: settled meanwhile, with its job or by somebody else\n"
        f"{three}: redriven, 1 step is due\n{SWEEP}"
    )
    assert {stage.job(one_job)["status"] for one_job in (job_id, other_job)} == {"pending"}
    assert operate("letters", "list").stdout == "No open letters.\n"


async def test_a_job_whose_owner_has_enough_running_waits_for_its_turn(stage: Any, operate: Any) -> None:
    stage.set("limits", "active_jobs_per_owner", 1)
    job_id, (letter,) = await stage.failed("a")
    await stage.create("b")
    done = operate("letters", "redrive", letter)
    assert done.stdout.startswith(f"{letter}: redriven, it waits for its turn\n")
    assert (stage.job(job_id)["status"], stage.job(job_id)["admitted_at"]) == ("pending", None)


async def test_a_paused_platform_is_told_of(stage: Any, operate: Any) -> None:
    await stage.announce()
    _, (letter,) = await stage.failed("a")
    operate("platforms", "pause", "tiktok")
    done = operate("letters", "redrive", letter)
    assert done.returncode == 0
    last = done.stdout.splitlines()[-1]
    assert last == "But tiktok waits (operator): nothing of it goes on before that ends."


async def refused(operate: Any, *arguments: object) -> str:
    done = operate("letters", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr.removesuffix("\n")


async def test_an_unknown_or_a_settled_letter_is_refused(stage: Any, operate: Any) -> None:
    _, (letter,) = await stage.failed("a")
    await stage.resolve(letter)
    for action in ("redrive", "discard"):
        for odd in (letter, uuid4()):
            assert await refused(operate, action, odd) == f"operate: {odd}: there is no such open letter"
    assert stage.letter(letter) == ("discarded", "eve")


async def test_a_letter_of_a_completed_job_is_refused(stage: Any, operate: Any) -> None:
    failed, other = await stage.create("a", "b", target=1)
    letter = await stage.give_up(failed)
    await stage.deliver(other, stage.person(1))
    line = await refused(operate, "redrive", letter)
    assert line == f"operate: {letter}: its job is completed: extend the job to look for more"
    assert stage.job(failed.job_id)["status"] == "completed"
    assert stage.letter(letter) == (None, None)


async def test_a_letter_of_a_cancelled_job_is_refused(stage: Any, operate: Any) -> None:
    failed, _ = await stage.create("a", "b")
    letter = await stage.give_up(failed)
    await cancel_job(stage.unit, failed.job_id)
    assert await refused(operate, "redrive", letter) == f"operate: {letter}: its job is cancelled"
    assert stage.letter(letter) == (None, None)


async def test_a_letter_of_an_enrichment_is_refused_while_its_job_runs(stage: Any, operate: Any) -> None:
    enriched, _ = await stage.create("a", "b")
    await stage.deliver(enriched, stage.person(1, bio=None))
    letter = await stage.give_up(enriched)
    line = await refused(operate, "redrive", letter)
    assert line == f"operate: {letter}: its step is settled: the creators were delivered as known"
    assert stage.letter(letter) == (None, None)


async def test_a_job_that_used_up_its_limits_is_refused(stage: Any, operate: Any) -> None:
    stage.set("api", "max_credits_per_job", 1)
    (step,) = await stage.create("a", credits_max=1)
    await stage.deliver(step, cursor="next")
    (following,) = stage.rows("select * from steps where step = 1")
    letter = await stage.give_up(step.model_copy(update={"step": 1, "generation": following["generation"]}))
    assert stage.job(step.job_id)["status"] == "error"
    line = await refused(operate, "redrive", letter)
    assert line == (
        f"operate: {letter}: there is nothing left to go on with: its searches are exhausted, or its limits are used up"
    )
    assert (stage.job(step.job_id)["status"], stage.letter(letter)) == ("error", (None, None))


async def test_an_owner_whose_quota_is_used_up_is_refused(stage: Any, operate: Any) -> None:
    job_id, (letter,) = await stage.failed("a")
    stage.set("limits", "credits_per_owner_per_day", 5)
    line = await refused(operate, "redrive", letter)
    assert line == f"operate: {letter}: its owner's credits for today (UTC) do not cover another run"
    assert (stage.job(job_id)["status"], stage.letter(letter)) == ("error", (None, None))


async def test_a_letter_whose_job_is_gone_can_only_be_discarded(stage: Any, operate: Any) -> None:
    job_id, (letter,) = await stage.failed("a")
    stage.rows("delete from jobs where id = %s returning 1", job_id)
    shown = operate("letters", "list").stdout
    assert str(letter) in shown
    assert "job is gone" in shown
    assert await refused(operate, "redrive", letter) == f"operate: {letter}: its job is gone: discard the letter"
    assert operate("letters", "discard", letter).returncode == 0


async def test_one_refusal_keeps_no_other_letter_from_its_turn(stage: Any, operate: Any) -> None:
    job_id, (letter,) = await stage.failed("a")
    unknown = uuid4()
    done = operate("letters", "redrive", unknown, letter)
    assert done.returncode == 1
    assert done.stderr == f"operate: {unknown}: there is no such open letter\n"
    assert done.stdout == f"{letter}: redriven, 1 step is due\n{SWEEP}"
    assert stage.job(job_id)["status"] == "pending"


async def test_a_discarded_letter_leaves_its_job_as_it_is(stage: Any, operate: Any) -> None:
    job_id, (one, other) = await stage.failed("a", "b")
    before = stage.job(job_id)
    done = operate("letters", "discard", one, one, "--by", "ada lovelace")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{one}: discarded, its job stays as it is\n"
    assert (stage.letter(one), stage.letter(other)) == (("discarded", "ada lovelace"), (None, None))
    assert stage.job(job_id) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("redrive",),
        ("redrive", "--all", str(uuid4())),
        ("redrive", "x"),
        ("redrive", str(uuid4()), "--by", " "),
        ("discard",),
        ("discard", str(uuid4()), "--by", "a\nb"),
        ("list", "--count", "0"),
        ("list", "--before", "x"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2(operate: Any, arguments: tuple[str, ...]) -> None:
    done = operate("letters", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
