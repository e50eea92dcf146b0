"""An owner's jobs, a page at a time, through conditions."""

from typing import Any

import pytest

from common.db.job_list import JobQuery, list_jobs
from common.domain.job import JobStatus, Mode, PlatformName

pytestmark = pytest.mark.server


async def listed(scene: Any, owner: str, **asked: Any) -> list[Any]:
    async with scene.database.connection() as connection:
        return [row.id for row in await list_jobs(connection, JobQuery(owner=owner, count_max=10, **asked))]


async def own_job(scene: Any, owner: str, **columns: Any) -> Any:
    return await scene.store(scene.new_job(owner=owner, platform="tiktok"), **columns)


async def test_jobs_are_listed_for_their_owner_newest_first_from_a_place_on(scene: Any) -> None:
    newest_first = [await own_job(scene, "user:lister") for _ in range(3)][::-1]
    await own_job(scene, "user:other")
    assert await listed(scene, "user:lister") == newest_first
    assert await listed(scene, "user:lister", before=newest_first[0]) == newest_first[1:]
    assert await listed(scene, "user:nobody") == []


async def test_every_condition_is_applied(scene: Any) -> None:
    owner = "user:chooser"
    first = await own_job(scene, owner, tags=["a", "b"], status="processing")
    second = await own_job(scene, owner)
    assert await listed(scene, owner, tags=["b", "a"]) == [first]
    assert await listed(scene, owner, tags=["a", "c"]) == []
    assert await listed(scene, owner, statuses=[JobStatus.PENDING]) == [second]
    assert await listed(scene, owner, statuses=[JobStatus.PENDING, JobStatus.PROCESSING]) == [second, first]
    assert await listed(scene, owner, platform=PlatformName.TIKTOK) == [second, first]
    assert await listed(scene, owner, platform=PlatformName.YOUTUBE) == []
    assert await listed(scene, owner, mode=Mode.SIMILAR) == []
    assert await listed(scene, owner, campaign_id=first) == []


async def test_a_line_says_what_was_asked_for_and_what_came(scene: Any) -> None:
    await own_job(scene, "user:reader", delivered_count=3, credits_spent=5, progress=12.345, tags=["t"])
    async with scene.database.connection() as connection:
        [line] = await list_jobs(connection, JobQuery(owner="user:reader", count_max=1))
    assert (line.keywords, line.target, line.tags) == (("cats",), None, ("t",))
    assert (line.delivered, line.credits_spent, line.progress, line.run) == (3, 5, 12.35, 1)
