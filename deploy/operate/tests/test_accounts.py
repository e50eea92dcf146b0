"""Accounts are deleted on purpose, and people are found over all owners."""

from typing import Any

import pytest

pytestmark = [pytest.mark.server, pytest.mark.security]


def refusal(done: Any, code: int = 1) -> str:
    assert (done.returncode, done.stdout) == (code, "")
    return done.stderr


async def test_a_deletion_is_asked_for_and_listed(stage: Any, operate: Any, parsed: Any) -> None:
    await stage.create("vegan")
    done = operate("accounts", "delete", "user:user_ada", "--confirm", "user:user_ada")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("user:user_ada: 1 jobs (1 of them run and are cancelled first) and 0 campaigns")
    [row] = parsed(operate("accounts", "list", "--json"))
    assert row["owner"] == "user:user_ada"
    assert "user:user_ada" in operate("accounts", "list").stdout
    again = operate("accounts", "delete", "user:user_ada", "--confirm", "user:user_ada")
    assert again.returncode == 0
    assert [row] == parsed(operate("accounts", "list", "--json"))


async def test_without_the_owner_said_twice_nothing_happens(stage: Any, operate: Any) -> None:
    assert "--confirm must repeat it" in refusal(
        operate("accounts", "delete", "user:user_ada", "--confirm", "user:user_bob")
    )
    assert "must be like" in refusal(operate("accounts", "delete", "user_ada", "--confirm", "user_ada"), 2)
    assert operate("accounts", "list").stdout == "No account is being deleted.\n"


async def test_a_person_is_found_over_all_owners(stage: Any, operate: Any, parsed: Any) -> None:
    """With or without the sign, in whatever case; somebody of nearly the same name is somebody else."""
    for owner in ("user:user_ada", "org:org_acme"):
        [step] = await stage.create("vegan", owner=owner)
        await stage.deliver(step, stage.person(7), stage.person(77), cursor="1")
    stage.rows(
        """insert into profiles (platform, platform_id, status, account, fetched_at)
           values ('tiktok', 'u7', 'found', '{"platform_id": "u7", "handle": "H7"}', now()),
                  ('youtube', 'u7', 'found', '{"platform_id": "u7", "handle": "h7"}', now()) returning 1"""
    )
    stage.rows(
        """update jobs set mode = 'similar', input = '{"targetUsername": "h7"}' where owner = 'org:org_acme'
           returning 1"""
    )
    places = parsed(operate("person", "tiktok", "@H7", "--json"))
    assert [(one["place"], one["owner"], one["platform_id"]) for one in places] == [
        ("creator", "user:user_ada", "u7"),
        ("creator", "org:org_acme", "u7"),
        ("profile", None, "u7"),
        ("target", "org:org_acme", None),
    ]
    assert {one["data"] for one in places} == {None}
    told = parsed(operate("person", "tiktok", "h7", "--json", "--data"))
    assert told[0]["data"]["account"]["handle"] == "h7"
    assert operate("person", "tiktok", "h7").stdout.count("creator") == 2
    assert "is not stored" in operate("person", "instagram", "h7").stdout
