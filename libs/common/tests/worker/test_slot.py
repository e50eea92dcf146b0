"""Slots go to owners in turn."""

import asyncio
from collections import Counter
from uuid import uuid4

from common.worker.slot import FairSlots, JobTurns


async def use(slots: FairSlots, owner: str, log: list[str]) -> None:
    async with slots.slot(owner):
        log.append(owner)
        await asyncio.sleep(0)


async def test_an_owner_with_one_call_does_not_wait_behind_all_of_another() -> None:
    slots = FairSlots(2)
    log: list[str] = []
    crowd = [asyncio.create_task(use(slots, "big", log)) for _ in range(100)]
    await asyncio.sleep(0)
    await use(slots, "small", log)
    assert log.count("big") <= 4, "those that were in, and one in turn"
    await asyncio.gather(*crowd)
    assert Counter(log) == {"big": 100, "small": 1}


async def test_owners_who_all_have_much_to_do_share_alike() -> None:
    slots = FairSlots(1)
    log: list[str] = []
    await asyncio.gather(*(use(slots, owner, log) for owner in "abc" for _ in range(30)))
    for turn in range(3, 84, 3):
        assert len(set(log[turn : turn + 3])) == 3, log


async def test_never_more_at_once_than_there_are_slots_also_while_their_number_changes() -> None:
    slots = FairSlots(3)
    inside, most = 0, 0

    async def hold(owner: str) -> None:
        nonlocal inside, most
        async with slots.slot(owner):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    tasks = [asyncio.create_task(hold(f"o{number % 4}")) for number in range(40)]
    await asyncio.sleep(0.003)
    assert most == 3
    slots.resize(5)
    await asyncio.gather(*tasks)
    assert most == 5
    slots.resize(1)
    most = 0
    await asyncio.gather(*(hold("o") for _ in range(5)))
    assert most == 1


async def test_who_is_cancelled_while_waiting_takes_no_slot_along() -> None:
    slots = FairSlots(1)
    log: list[str] = []
    async with slots.slot("a"):
        waiting = [asyncio.create_task(use(slots, "b", log)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    waiting[1].cancel()  # it was given the slot just now
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.wait_for(use(slots, "c", log), 1)
    assert log == ["b", "c"]


async def test_a_job_has_so_many_turns_and_no_other_job_waits_for_them() -> None:
    turns, job_id, at_once, most = JobTurns(2), uuid4(), 0, 0

    async def take() -> None:
        nonlocal at_once, most
        async with turns.of(job_id):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.01)
            at_once -= 1

    tasks = [asyncio.create_task(take()) for _ in range(6)]
    await asyncio.sleep(0)
    async with asyncio.timeout(0.005), turns.of(uuid4()):
        assert at_once == 2
    await asyncio.gather(*tasks)
    assert most == 2


async def test_turns_of_jobs_that_nobody_takes_any_more_are_forgotten() -> None:
    turns, job_id = JobTurns(1), uuid4()
    async with turns.of(job_id):
        assert turns.of(job_id) is turns.of(job_id)
        assert turns.jobs_count == 1
    assert turns.jobs_count == 0
