"""Dead letters over HTTP: administrators list, read, drive again and put away; everybody else is turned away."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.db.dead_letter import resolve_letter
from common.domain.creator import Account, Item
from common.domain.step import DueStep
from common.resources.setting import KEPT_S
from common.transaction.abandonment import Abandonment, abandon_step

pytestmark = pytest.mark.server

PATH = "/api/v1/dead-letters"
TABLES = ("jobs", "searches", "steps", "job_events", "owner_days", "dead_letters")


def everything(gateway: Any) -> list[Any]:
    return [gateway.rows(f"select * from {table} order by 1, 2") for table in TABLES]


async def fail(
    gateway: Any, worker: Any, *keywords: str, user: str = "user_ada", target: int = 2
) -> tuple[str, list[str]]:
    """A job of somebody's all of whose searches were given up, and its letters, the oldest first."""
    async with gateway.client(user) as client:
        body = {"keywords": list(keywords), "targetResults": 2}
        job_id = (await client.post("/api/scraping/tiktok", json=body)).json()["jobId"]
    letters = [await give_up(gateway, worker, message) for message in list(gateway.qstash.published)]
    gateway.qstash.published.clear()
    return job_id, letters


async def give_up(gateway: Any, worker: Any, message: dict[str, Any]) -> str:
    due = DueStep(job_id=UUID(message["jobId"]), search_id=UUID(message["searchId"]), step=0, generation=0)
    reference, _ = await abandon_step(worker.unit, due, Abandonment(reason="attempts_used_up", facts={"attempts": 5}))
    return str(gateway.rows("select id from dead_letters where details ->> 'reference' = %s", reference)[0]["id"])


async def resolve(worker: Any, letter: str) -> None:
    async with worker.unit.database.connection() as connection:
        assert await resolve_letter(connection, letter_id=UUID(letter), resolution="discarded", by="grace")


async def ids(client: Any, **given: str) -> list[str]:
    answer = await client.get(PATH, params=given)
    assert answer.status_code == 200
    return [one["id"] for one in answer.json()["items"]]


@pytest.fixture
async def root(administered: Any) -> Any:
    async with administered.client("user_root") as client:
        yield client


async def test_a_letter_shows_all_that_leads_on(administered: Any, root: Any, worker: Any) -> None:
    job_id, (letter,) = await fail(administered, worker, "vegan")
    (job,) = administered.rows("select reference from jobs")
    (search,) = administered.rows("select id from searches")
    answer = await root.get(f"{PATH}/{letter}")
    assert answer.status_code == 200
    document = answer.json()
    assert (await root.get(PATH)).json() == {"items": [document], "nextCursor": None}
    assert document.pop("createdAt").endswith("Z")
    assert document == {
        "id": letter,
        "reason": "attempts_used_up",
        "reference": job["reference"],
        "details": {"attempts": 5, "reference": job["reference"]},
        "jobId": job_id,
        "jobStatus": "error",
        "owner": "user:user_ada",
        "platform": "tiktok",
        "search": {"id": str(search["id"]), "kind": "keyword", "query": "vegan"},
        "step": 0,
        "generation": 0,
        "resolvedAt": None,
        "resolution": None,
        "resolvedBy": None,
    }


async def test_letters_are_everybodys_and_narrowed_down(administered: Any, root: Any, worker: Any) -> None:
    ada, (first, second) = await fail(administered, worker, "a", "b")
    bob, (third,) = await fail(administered, worker, "c", user="user_bob")
    await resolve(worker, second)
    references = {row["id"]: row["reference"] for row in administered.rows("select id::text, reference from jobs")}
    assert await ids(root) == [third, first], "the open ones"
    assert await ids(root, state="open") == [third, first]
    assert await ids(root, state="resolved") == [second]
    assert await ids(root, state="all") == [third, second, first]
    assert await ids(root, state="all", jobId=ada) == [second, first]
    assert await ids(root, jobId=str(uuid4())) == []
    assert await ids(root, reference=references[bob]) == [third]
    assert await ids(root, reference="nobodys") == []
    page = (await root.get(PATH, params={"state": "all", "limit": "2"})).json()
    assert [one["id"] for one in page["items"]] == [third, second]
    assert await ids(root, state="all", limit="2", cursor=page["nextCursor"]) == [first]


@pytest.mark.parametrize(
    "query",
    [
        *("state=closed", "state=", "jobId=x", "jobId=", "reference=", "reference=a%00b", f"reference={'a' * 65}"),
        *("limit=0", "cursor=x", "owner=user:user_ada", "state=open&state=all"),
    ],
)
async def test_parameters_are_read_strictly(root: Any, query: str) -> None:
    answer = await root.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


async def test_a_letter_of_a_failed_job_retries_the_job_and_publishes(
    administered: Any, root: Any, worker: Any
) -> None:
    job_id, (letter, other) = await fail(administered, worker, "a", "b")
    answer = await root.post(f"{PATH}/{letter}/redrive")
    assert answer.status_code == 200
    document = answer.json()
    assert (document["id"], document["resolution"], document["resolvedBy"]) == (letter, "redriven", "user_root")
    assert (document["jobStatus"], document["resolvedAt"] is None) == ("pending", False)
    assert (await root.get(f"{PATH}/{other}")).json()["resolution"] == "retried"
    assert [(one["jobId"], one["generation"]) for one in administered.qstash.published] == [(job_id, 1)] * 2
    assert administered.rows("select status, run from jobs") == [{"status": "pending", "run": 2}]


async def test_a_letter_of_a_running_job_sets_its_search_going_alone(administered: Any, root: Any, worker: Any) -> None:
    async with administered.client() as client:
        await client.post("/api/scraping/tiktok", json={"keywords": ["a", "b"], "targetResults": 2})
    failed = administered.qstash.published[0]
    letter = await give_up(administered, worker, failed)
    administered.qstash.published.clear()
    assert (await root.post(f"{PATH}/{letter}/redrive")).json()["resolution"] == "redriven"
    (message,) = administered.qstash.published
    assert (message["searchId"], message["generation"]) == (failed["searchId"], 1)
    assert administered.rows("select run from jobs") == [{"run": 1}]


async def test_while_qstash_is_away_the_letter_is_driven_all_the_same(
    administered: Any, root: Any, worker: Any
) -> None:
    _, (letter,) = await fail(administered, worker, "a")
    administered.qstash.mode = "error"
    assert (await root.post(f"{PATH}/{letter}/redrive")).status_code == 200
    assert administered.rows("select status from jobs") == [{"status": "pending"}]


async def test_a_letter_is_put_away_and_its_job_stays_as_it_is(administered: Any, root: Any, worker: Any) -> None:
    _, (letter,) = await fail(administered, worker, "a")
    before = administered.rows("select * from jobs")
    document = (await root.post(f"{PATH}/{letter}/discard")).json()
    assert (document["resolution"], document["resolvedBy"]) == ("discarded", "user_root")
    assert administered.rows("select * from jobs") == before
    assert administered.qstash.published == []


async def check_conflict(gateway: Any, client: Any, letter: str, action: str, detail: str) -> None:
    before = everything(gateway)
    answer = await client.post(f"{PATH}/{letter}/{action}")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert answer.json()["detail"] == detail
    assert everything(gateway) == before
    assert gateway.qstash.published == []


async def test_a_settled_letter_is_409(administered: Any, root: Any, worker: Any) -> None:
    _, (letter,) = await fail(administered, worker, "a")
    await resolve(worker, letter)
    for action in ("redrive", "discard"):
        await check_conflict(administered, root, letter, action, "The letter is settled.")


async def test_many_at_once_drive_a_letter_again_once(administered: Any, root: Any, worker: Any) -> None:
    _, (letter,) = await fail(administered, worker, "a")
    answers = await asyncio.gather(*(root.post(f"{PATH}/{letter}/redrive") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert administered.rows("select run from jobs") == [{"run": 2}]
    assert len(administered.qstash.published) == 1


async def test_a_letter_of_a_completed_job_is_409(administered: Any, root: Any, worker: Any) -> None:
    async with administered.client() as client:
        await client.post("/api/scraping/tiktok", json={"keywords": ["a", "b"], "targetResults": 1})
    failed, other = administered.qstash.published
    letter = await give_up(administered, worker, failed)
    await worker.deliver(other, [Item(item_id="v", account=Account(platform_id="u", handle="h"))])
    administered.qstash.published.clear()
    detail = "Its job is completed: extend the job to look for more."
    await check_conflict(administered, root, letter, "redrive", detail)


async def test_a_letter_of_a_cancelled_job_is_409(administered: Any, root: Any, worker: Any) -> None:
    async with administered.client() as client:
        body = {"keywords": ["a", "b"], "targetResults": 1}
        job_id = (await client.post("/api/scraping/tiktok", json=body)).json()["jobId"]
        letter = await give_up(administered, worker, administered.qstash.published[0])
        await client.post(f"/api/v1/jobs/{job_id}/cancel")
    administered.qstash.published.clear()
    await check_conflict(administered, root, letter, "redrive", "Its job is cancelled.")


async def test_a_letter_whose_job_is_gone_can_only_be_put_away(administered: Any, root: Any, worker: Any) -> None:
    _, (letter,) = await fail(administered, worker, "a")
    administered.rows("delete from jobs returning 1")
    document = (await root.get(f"{PATH}/{letter}")).json()
    assert (document["jobStatus"], document["owner"], document["search"]["query"]) == (None, None, None)
    await check_conflict(administered, root, letter, "redrive", "Its job is gone: discard the letter.")
    assert (await root.post(f"{PATH}/{letter}/discard")).status_code == 200


async def test_a_job_without_anything_left_is_409(administered: Any, root: Any, worker: Any) -> None:
    _, (letter,) = await fail(administered, worker, "a")
    administered.rows("update jobs set credits_max = 1, pages_max = 1 returning 1")
    administered.rows("update searches set end_reason = 'exhausted' returning 1")
    detail = "There is nothing left to go on with: its searches are exhausted, or its limits are used up."
    await check_conflict(administered, root, letter, "redrive", detail)


async def test_an_owner_whose_credits_are_used_up_is_409(administered: Any, root: Any, worker: Any) -> None:
    """The administrator could come again tomorrow, but it is not the administrator who used too much: no 429."""
    _, (letter,) = await fail(administered, worker, "a")
    await root.put("/api/v1/settings/limits/credits_per_owner_per_day", json={"value": 5})
    detail = "Its owner's credits for today (UTC) do not cover another run."
    await check_conflict(administered, root, letter, "redrive", detail)
    await root.delete("/api/v1/settings/limits/credits_per_owner_per_day")


ROUTES = [("GET", PATH), ("GET", f"{PATH}/{{}}"), ("POST", f"{PATH}/{{}}/redrive"), ("POST", f"{PATH}/{{}}/discard")]


@pytest.mark.parametrize(("method", "route"), ROUTES[1:])
async def test_an_unknown_letter_and_what_is_no_id_are_404(root: Any, method: str, route: str) -> None:
    answers = [await root.request(method, route.format(one)) for one in (uuid4(), "x", "%00")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len({answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers}) == 1


@pytest.mark.parametrize(("method", "route"), ROUTES)
async def test_nobody_but_administrators_gets_through(administered: Any, worker: Any, method: str, route: str) -> None:
    """Not even the owner of the letter's job; who may not does not learn which letters there are."""
    _, (letter,) = await fail(administered, worker, "a")
    before = everything(administered)
    for user, org in (("user_ada", None), ("user_bob", None), ("user_ada", "org_acme")):
        async with administered.client(user, org) as client:
            answers = [await client.request(method, route.format(one)) for one in (letter, uuid4(), "x")]
        assert [(answer.status_code, answer.json()["type"]) for answer in answers] == [(403, "/problems/forbidden")] * 3
        assert len({answer.text.replace(answer.headers["X-Request-Id"], "") for answer in answers}) == 1
    async with administered.stranger() as client:
        assert (await client.request(method, route.format(letter))).status_code == 401
    async with administered.client("user_root", claims={"act": {"sub": "user_deputy"}}) as client:
        answer = await client.request(method, route.format(letter))
    assert answer.status_code == 403
    assert everything(administered) == before
    assert administered.qstash.published == []


async def test_who_is_removed_is_turned_away_within_seconds(administered: Any, root: Any) -> None:
    assert (await root.get(PATH)).status_code == 200
    administered.rows("""update system_settings set value = '["user_deputy"]' returning 1""")
    await asyncio.sleep(KEPT_S + 0.2)
    assert (await root.get(PATH)).status_code == 403
