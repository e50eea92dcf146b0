"""Files of creators: whole, in a constant order, in three formats, for their owner alone."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from common.domain.creator import Account, Content, Item

pytestmark = pytest.mark.server

CAMPAIGN_KEYS = {"platform", "firstFoundAt", "lastFoundAt", "jobIds", "creator"}
BIG_ID = "7012345678901234567"


def person(number: int | str, bio: str | None = None, **given: Any) -> Item:
    account = Account(platform_id=f"u{number}", handle=f"h{number}", bio=bio, **given)
    return Item(item_id=f"v{number}", account=account, content=Content(platform_id=f"v{number}"))


async def make_campaign(client: Any) -> str:
    return (await client.post("/api/v1/campaigns", json={"name": "Ada's"})).json()["id"]


async def make_job(gateway: Any, client: Any, campaign: str | None = None, keyword: str = "vegan") -> str:
    body = {"keywords": [keyword], "targetResults": 500, "campaignId": campaign}
    answer = await client.post("/api/scraping/tiktok", json=body)
    assert answer.status_code == 200
    return answer.json()["jobId"]


async def deliver(gateway: Any, worker: Any, items: Sequence[Item], step: int = 0) -> None:
    """To the job that was made last."""
    await worker.deliver({**gateway.qstash.published[-1], "step": step}, items, cursor=str(step + 1))


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def read_sheet(content: bytes) -> list[dict[str, Any]]:
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    names, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


async def test_a_jobs_file_has_its_creators_in_the_order_of_their_delivery(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await make_job(gateway, client)
        await deliver(gateway, worker, [person(n) for n in (3, 1, 2)])
        await deliver(gateway, worker, [person(BIG_ID, "mail jane@example.com", followers=7)], step=1)
        url = f"/api/v1/jobs/{job_id}"
        answers = {form: await client.get(f"{url}/export.{form}") for form in ("csv", "xlsx", "jsonl")}
        shown = (await client.get(f"{url}/results?sort=found")).json()["items"]
    assert {answer.status_code for answer in answers.values()} == {200}
    assert read_lines(answers["jsonl"].content) == shown, "the API's own documents"
    for rows in (read_csv(answers["csv"].content), read_sheet(answers["xlsx"].content)):
        assert [row["account.handle"] for row in rows] == ["h3", "h1", "h2", f"h{BIG_ID}"]
        last = rows[-1]
        assert (last["account.platformId"], last["contact.emails"]) == (f"u{BIG_ID}", "jane@example.com")
        assert (str(last["account.followers"]), str(last["seq"])) == ("7", str(shown[-1]["seq"]))
        assert (last["foundAt"], last["jobIds"]) == (shown[-1]["foundAt"], job_id)
        assert rows[0]["account.followers"] in ("", None), "unknown is empty"


async def test_a_file_is_an_attachment_that_nobody_keeps_or_guesses_at(gateway: Any) -> None:
    types = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-", "jsonl": "application/jsonl"}
    async with gateway.client() as client:
        campaign = await make_campaign(client)
        job_id = await make_job(gateway, client, campaign)
        for form, media_type in types.items():
            for path, name in ((f"jobs/{job_id}", f"job-{job_id}"), (f"campaigns/{campaign}", f"campaign-{campaign}")):
                answer = await client.get(f"/api/v1/{path}/export.{form}", headers={"Origin": "http://localhost:3000"})
                assert answer.status_code == 200
                day = gateway.rows("select to_char(now(), 'YYYY-MM-DD') as day")[0]["day"]
                expected = f'attachment; filename="creatorscout-{name}-{day}.{form}"'
                assert answer.headers["Content-Disposition"] == expected
                assert answer.headers["Content-Type"].startswith(media_type)
                assert answer.headers["Cache-Control"] == "private, no-store"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert "Content-Disposition" in answer.headers["Access-Control-Expose-Headers"]


async def test_a_campaigns_file_has_each_creator_once_with_the_jobs_that_found_it(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        campaign = await make_campaign(client)
        jobs: list[str] = []
        for keyword, found in {"a": (1, 2), "b": (2, 3), "c": (1, 2, 4)}.items():
            jobs.append(await make_job(gateway, client, campaign, keyword))
            await deliver(gateway, worker, [person(n, name=f"of {keyword}") for n in found])
        other = await make_job(gateway, client, None, "d")
        await deliver(gateway, worker, [person(5)])
        gateway.rows("update jobs set platform = 'instagram' where id = %s returning 1", UUID(jobs[2]))
        url = f"/api/v1/campaigns/{campaign}/export"
        answers = {form: (await client.get(f"{url}.{form}")).content for form in ("csv", "xlsx", "jsonl")}
        again = (await client.get(f"{url}.jsonl")).content
        shown = (await client.get(f"/api/v1/campaigns/{campaign}/creators")).json()["items"]
    assert again == answers["jsonl"], "the order is constant"
    lines = read_lines(answers["jsonl"])
    assert [set(line) for line in lines] == [CAMPAIGN_KEYS] * 6
    merged = [(line["platform"], line["creator"]["account"]["handle"], line["jobIds"]) for line in lines]
    a, b, c = jobs
    assert merged == [
        ("instagram", "h1", [c]),
        ("instagram", "h2", [c]),
        ("instagram", "h4", [c]),
        ("tiktok", "h1", [a]),
        ("tiktok", "h2", [a, b]),
        ("tiktok", "h3", [b]),
    ]
    assert lines[4]["creator"]["account"]["name"] == "of b", "as the job knew it that delivered it last"
    assert lines[4]["firstFoundAt"] < lines[4]["lastFoundAt"]
    assert sorted(shown, key=json.dumps) == sorted(lines, key=json.dumps)
    for rows in (read_csv(answers["csv"]), read_sheet(answers["xlsx"])):
        assert [(row["platform"], row["account.handle"]) for row in rows] == [pair[:2] for pair in merged]
        assert rows[4]["jobIds"] == f"{a}; {b}"
    assert other not in answers["jsonl"].decode()


async def test_outreach_has_a_line_for_each_address(gateway: Any, worker: Any) -> None:
    async with gateway.client() as client:
        job_id = await make_job(gateway, client)
        bio = "write to a@example.com or b@example.com"
        items = [person(1), person(2, bio, links=("https://jane.example.com",), followers=9), person(3, "none")]
        await deliver(gateway, worker, items)
        url = f"/api/v1/jobs/{job_id}/export"
        contents = {form: (await client.get(f"{url}.{form}?preset=outreach")).content for form in ("csv", "jsonl")}
        sheet = read_sheet((await client.get(f"{url}.xlsx?preset=outreach")).content)
    lines = read_lines(contents["jsonl"])
    assert [line["email"] for line in lines] == ["a@example.com", "b@example.com"]
    first = lines[0]
    assert (first["sources"], first["platform"], first["handle"], first["followers"]) == (["bio"], "tiktok", "h2", 9)
    assert (first["bioLink"], first["matchedQuery"]) == ("https://jane.example.com", "vegan")
    assert (first["name"], first["jobIds"]) == (None, [job_id])
    rows = read_csv(contents["csv"])
    assert list(rows[0]) == list(first)
    assert [row["email"] for row in rows] == [row["email"] for row in sheet] == ["a@example.com", "b@example.com"]
    assert rows[0]["seenAt"] == sheet[0]["seenAt"] == first["seenAt"]


async def test_an_empty_job_gives_a_file_without_rows(gateway: Any) -> None:
    async with gateway.client() as client:
        url = f"/api/v1/jobs/{await make_job(gateway, client)}/export"
        assert (await client.get(f"{url}.jsonl")).content == b""
        assert read_csv((await client.get(f"{url}.csv")).content) == []
        assert read_sheet((await client.get(f"{url}.xlsx")).content) == []
        assert (await client.get(f"{url}.csv?excel=true")).content.startswith(b'\xef\xbb\xbf"platform"')
        assert (await client.get(f"{url}.csv?excel=false")).content.startswith(b'"platform"')


@pytest.mark.parametrize(
    "query", ["preset=all", "preset=", "excel=1", "excel=", "presets=outreach", "preset=full&preset=outreach"]
)
async def test_what_a_file_cannot_be_is_a_problem(gateway: Any, query: str) -> None:
    async with gateway.client() as client:
        answer = await client.get(f"/api/v1/jobs/{await make_job(gateway, client)}/export.csv?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


async def test_a_format_that_is_not_there_is_not_found(gateway: Any) -> None:
    async with gateway.client() as client:
        job_id = await make_job(gateway, client)
        assert (await client.get(f"/api/v1/jobs/{job_id}/export.xls")).status_code == 404
        assert (await client.get(f"/api/v1/jobs/{job_id}/export")).status_code == 404
