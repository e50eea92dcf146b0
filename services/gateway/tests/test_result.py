"""A job's creators: one shape for every platform, page by page, in three orders, for their owner alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args, get_origin

import msgspec
import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from common.domain.creator import (
    Account,
    Contact,
    Content,
    Creator,
    Email,
    EmailSource,
    Item,
    Likeness,
    LikenessPart,
    Match,
    OtherAccount,
    Statistics,
)
from gateway.creator import write_creator
from gateway.stored import write_stored

PATH = "/api/scraping/tiktok"
WEST = timezone(-timedelta(hours=5))


def person(number: int, **given: Any) -> Item:
    account = Account(platform_id=f"u{number}", handle=f"h{number}", **given)
    return Item(item_id=f"v{number}", account=account)


async def create(client: Any, **given: Any) -> str:
    answer = await client.post(PATH, json={"keywords": ["vegan"], "targetResults": 50, **given})
    assert answer.status_code == 200
    return answer.json()["jobId"]


async def walk(client: Any, job_id: str, query: str) -> list[list[str]]:
    """The handles of each page."""
    pages: list[list[str]] = []
    cursor = ""
    while True:
        body = (await client.get(f"/api/v1/jobs/{job_id}/results?{query}{cursor}")).json()
        pages.append([item["creator"]["account"]["handle"] for item in body["items"]])
        if body["nextCursor"] is None:
            return pages
        cursor = f"&cursor={body['nextCursor']}"


@pytest.mark.server
async def test_a_creator_is_shown_in_the_one_shape(gateway: Any, worker: Any) -> None:
    item = Item(
        item_id="v1",
        account=Account(
            platform_id="7012345678901234567",
            handle="jane",
            followers=0,
            verified=False,
            bio="mail jane@example.com",
            created_at=datetime(2020, 1, 2, 3, 4, 5, tzinfo=WEST),
            native={"sec_uid": "MS4", "some_counts": {"digg_count": 3}},
        ),
        content=Content(platform_id="9", text="soup", statistics=Statistics(views=7)),
    )
    async with gateway.client() as client:
        job_id = await create(client)
        await worker.deliver(gateway.qstash.published[0], [item], cursor="1")
        answer = await client.get(f"/api/v1/jobs/{job_id}/results")
    assert answer.headers["Cache-Control"] == "private, no-store"
    body = answer.json()
    assert body["nextCursor"] is None
    (shown,) = body["items"]
    assert set(shown) == {"seq", "foundAt", "enrichment", "platform", "creator"}
    (row,) = gateway.rows("select seq, delivered_at, enrichment from candidates")
    assert (shown["seq"], shown["platform"], shown["enrichment"]) == (row["seq"], "tiktok", row["enrichment"])
    assert datetime.fromisoformat(shown["foundAt"]) == row["delivered_at"]
    assert shown["foundAt"].endswith("Z")
    creator = shown["creator"]
    assert set(creator) == {"version", "account", "contact", "content", "matched", "likeness", "profileSeenAt"}
    assert (creator["version"], creator["likeness"], creator["profileSeenAt"]) == (1, None, None)
    assert creator["matched"] == {"kind": "keyword", "query": "vegan"}
    account = creator["account"]
    assert (account["platformId"], account["followers"], account["verified"]) == ("7012345678901234567", 0, False)
    assert (account["name"], account["lastPostedAt"], account["postsPerWeek"]) == (None, None, None), "unknown is null"
    assert account["createdAt"] == "2020-01-02T08:04:05Z"
    assert account["native"] == {"sec_uid": "MS4", "some_counts": {"digg_count": 3}}, "its platform's own names"
    assert [email["address"] for email in creator["contact"]["emails"]] == ["jane@example.com"]
    assert creator["content"]["statistics"] == {
        "views": 7,
        "likes": None,
        "comments": None,
        "shares": None,
        "saves": None,
    }


@pytest.mark.server
async def test_pages_join_while_rows_arrive(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        await worker.deliver(gateway.qstash.published[0], [person(n) for n in range(3)], cursor="1")
        url = f"/api/v1/jobs/{job_id}/results?limit=2"
        first = (await client.get(url)).json()
        await worker.deliver({**gateway.qstash.published[0], "step": 1}, [person(n) for n in range(3, 5)], cursor="2")
        second = (await client.get(f"{url}&cursor={first['nextCursor']}")).json()
        third = (await client.get(f"{url}&cursor={second['nextCursor']}")).json()
        handles = [item["creator"]["account"]["handle"] for page in (first, second, third) for item in page["items"]]
        assert handles == ["h0", "h1", "h2", "h3", "h4"]
        assert third["nextCursor"] is None
        assert await walk(client, job_id, "limit=5") == [["h0", "h1", "h2", "h3", "h4"]], "a full last page ends too"
        assert await walk(client, job_id, "") == [["h0", "h1", "h2", "h3", "h4"]]


@pytest.mark.server
async def test_a_job_without_creators_has_an_empty_page(gateway: Any) -> None:
    async with gateway.client() as client:
        answer = await client.get(f"/api/v1/jobs/{await create(client)}/results")
    assert (answer.status_code, answer.json()) == (200, {"items": [], "nextCursor": None})


@pytest.mark.server
async def test_a_similar_job_shows_the_most_alike_first_unless_asked_otherwise(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client, keywords=None, targetUsername="jane")
        await worker.deliver(gateway.qstash.published[0], [person(n) for n in range(5)], cursor="1")
        for handle, likeness in {"h0": None, "h1": 0.1, "h2": 0.7, "h3": 0.7, "h4": 0.3}.items():
            gateway.rows("update candidates set likeness = %s where handle = %s returning 1", likeness, handle)
        alike = ["h2", "h3", "h4", "h1", "h0"]
        for limit in (1, 2, 5):
            pages = await walk(client, job_id, f"limit={limit}")
            assert [handle for page in pages for handle in page] == alike
            assert max(map(len, pages)) == limit
        assert await walk(client, job_id, "sort=found") == [["h0", "h1", "h2", "h3", "h4"]]
        gateway.rows("update jobs set mode = 'keyword' returning 1")
        assert await walk(client, job_id, "") == [["h0", "h1", "h2", "h3", "h4"]]
        assert await walk(client, job_id, "sort=likeness") == [alike]


@pytest.mark.server
async def test_a_cursor_is_of_one_order_and_no_permission(gateway: Any, worker: Any) -> None:
    async with gateway.client() as ada, gateway.client("user_bob") as bob:
        job_id = await create(ada)
        bobs = await create(bob)
        await worker.deliver(gateway.qstash.published[0], [person(1), person(2)], cursor="1")
        url = f"/api/v1/jobs/{job_id}/results"
        cursor = (await ada.get(f"{url}?limit=1")).json()["nextCursor"]
        crossed = await ada.get(f"{url}?sort=likeness&cursor={cursor}")
        assert [error["pointer"] for error in crossed.json()["errors"]] == ["/cursor"]
        assert (await bob.get(f"{url}?cursor={cursor}")).status_code == 404
        assert (await bob.get(f"/api/v1/jobs/{bobs}/results?cursor={cursor}")).json()["items"] == []


@pytest.mark.server
async def test_those_with_the_most_followers_come_first_if_asked_for(gateway: Any, worker: Any) -> None:
    followers = [5, None, 10**10, 0, 5, None]
    people = [person(number, followers=count) for number, count in enumerate(followers)]
    async with gateway.client() as client:
        job_id = await create(client)
        await worker.deliver(gateway.qstash.published[0], people, cursor="1")
        for limit in (1, 2, 4, 6):
            pages = await walk(client, job_id, f"sort=followers&limit={limit}")
            assert [handle for page in pages for handle in page] == ["h2", "h0", "h4", "h3", "h1", "h5"]


@pytest.mark.server
async def test_filters_show_whom_a_job_would_have_delivered(gateway: Any, worker: Any) -> None:
    now = datetime.now(UTC)
    people = [
        person(0, followers=5000, verified=True, country="DE", language="de-AT", bio="jane@example.com"),
        person(1, followers=50, verified=False, country="GB", language="en", bio="no address"),
        person(2, last_posted_at=now - timedelta(days=40)),
        person(3, followers=900, last_posted_at=now - timedelta(days=2)),
    ]
    expected = {
        "followersMin=900": [0, 2, 3],
        "followersMin=900&unknown=drop": [0, 3],
        "followersMax=900&unknown=drop": [1, 3],
        "followersMin=100&followersMax=1000&unknown=drop": [3],
        "verified=true": [0, 2, 3],
        "verified=false&unknown=drop": [1],
        "hasEmail=true&unknown=drop": [0],
        "hasEmail=false&unknown=drop": [1],
        "countries=de,at": [0, 2, 3],
        "languages=en-US,de&unknown=drop": [0, 1],
        "postedWithinDays=30": [0, 1, 3],
        "postedWithinDays=30&unknown=drop": [3],
        "unknown=drop": [0, 1, 2, 3],
    }
    async with gateway.client() as client:
        job_id = await create(client)
        await worker.deliver(gateway.qstash.published[0], people, cursor="1")
        for query, numbers in expected.items():
            for sort in ("found", "likeness", "followers"):
                pages = await walk(client, job_id, f"{query}&sort={sort}&limit=1")
                shown = sorted(handle for page in pages for handle in page)
                assert shown == [f"h{number}" for number in numbers], (query, sort)


@pytest.mark.server
async def test_a_place_is_the_same_whoever_is_shown_around_it(gateway: Any, worker: Any) -> None:
    """A cursor goes on with other filters from where it stands: nobody comes twice."""
    async with gateway.client() as client:
        job_id = await create(client)
        people = [person(number, followers=10 - number) for number in range(6)]
        await worker.deliver(gateway.qstash.published[0], people, cursor="1")
        url = f"/api/v1/jobs/{job_id}/results?sort=followers"
        first = (await client.get(f"{url}&followersMax=8&limit=2")).json()
        rest = (await client.get(f"{url}&cursor={first['nextCursor']}")).json()
        handles = [item["creator"]["account"]["handle"] for page in (first, rest) for item in page["items"]]
        assert handles == ["h2", "h3", "h4", "h5"]


@pytest.mark.server
async def test_items_carry_the_fields_that_are_asked_for(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await create(client)
        people = [person(1, bio="jane@example.com"), person(2)]
        await worker.deliver(gateway.qstash.published[0], people, cursor="1")
        url = f"/api/v1/jobs/{job_id}/results"
        (whole, _) = (await client.get(url)).json()["items"]
        url += "?fields=seq,foundAt,creator.account.handle,creator.contact.emails.address&limit=1"
        answer = await client.get(url)
        assert answer.json()["items"] == [
            {
                "seq": whole["seq"],
                "foundAt": whole["foundAt"],
                "creator": {"account": {"handle": "h1"}, "contact": {"emails": [{"address": "jane@example.com"}]}},
            }
        ]
        same = await client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
        second = (await client.get(f"{url}&cursor={answer.json()['nextCursor']}")).json()
        assert [item["creator"]["account"]["handle"] for item in second["items"]] == ["h2"]
        assert second["items"][0]["creator"]["contact"] == {"emails": None}, "unknown is null"
        assert second["nextCursor"] is None


@pytest.mark.server
async def test_the_same_page_is_304_until_it_changes(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        url = f"/api/v1/jobs/{await create(client)}/results"
        tag = (await client.get(url)).headers["ETag"]
        same = await client.get(url, headers={"If-None-Match": tag})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
        await worker.deliver(gateway.qstash.published[0], [person(1)], cursor="1")
        assert (await client.get(url, headers={"If-None-Match": tag})).status_code == 200


FULL = Creator(
    account=Account(platform_id="1", handle="h", native={"snake_case": 1}),
    contact=Contact(
        emails=(Email(address="a@example.com", sources=(EmailSource.BIO,), seen_at=datetime(2026, 1, 1, tzinfo=WEST)),),
        accounts=(OtherAccount(platform="youtube", handle="h", url="https://example.com"),),
    ),
    content=Content(platform_id="2"),
    matched=Match(kind="keyword", query="q"),
    likeness=Likeness(score=0.5, parts=(LikenessPart(name="topics", value=0.5, weight=1, evidence=("a",)),)),
)


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Every key of a document, where it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{prefix}/{key}"
            if key != "native":
                yield from paths(inner, f"{prefix}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, prefix)


def fields(kind: Any, prefix: str = "") -> Iterator[str]:
    """Every field of a model and of those inside it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield f"{prefix}/{to_camel(name)}"
            yield from fields(field.annotation, f"{prefix}/{to_camel(name)}")
    elif get_origin(kind) is not None and get_origin(kind) is not dict:
        for inner in get_args(kind):
            yield from fields(inner, prefix)


def test_the_document_has_every_field_of_the_model_always() -> None:
    shown = write_creator(FULL)
    assert set(paths(shown)) == set(fields(Creator))
    assert shown["account"]["native"] == {"snake_case": 1}
    assert shown["contact"]["emails"][0]["seenAt"] == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert shown["contact"]["emails"][0]["seenAt"].utcoffset() == timedelta(0)


def test_what_is_stored_is_shown_as_its_model_is() -> None:
    bare = FULL.model_copy(update={"content": None, "likeness": None, "profile_seen_at": None})
    for creator in (FULL, bare):
        shown = msgspec.json.decode(msgspec.json.encode(write_creator(creator)))
        assert msgspec.json.decode(write_stored(creator.model_dump_json())) == shown
    with pytest.raises(msgspec.ValidationError):
        write_stored(FULL.model_dump_json().replace('"handle"', '"handel"'))
