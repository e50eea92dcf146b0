"""Entity tags compare as RFC 9110 says."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.db.poll import JobMark
from common.domain.job import JobStatus
from gateway.etag import is_match, tag_of_content, tag_of_version

TAG = '"abc-1"'


@pytest.mark.parametrize(
    "header", [TAG, f" {TAG} ", f"W/{TAG}", "*", f'"x", {TAG}', f'"x",{TAG},"y"', f'W/"x" , W/{TAG}']
)
def test_a_match(header: str) -> None:
    assert is_match(header, TAG)


@pytest.mark.parametrize(
    "header", [None, "", "abc-1", '"abc-1', '"abc-2"', "**", f"{TAG}x", '"x" "abc-1', "x" * 3000, f"{TAG}, " * 1000]
)
def test_no_match(header: str | None) -> None:
    assert not is_match(header, TAG)


def test_each_state_of_each_job_has_its_own_tag() -> None:
    ids = [uuid4(), uuid4()]
    tags = [
        tag_of_version(job_id, mark(job_id, seq, status))
        for job_id in ids
        for seq in (0, 1, 11)
        for status in JobStatus
    ]
    assert len(set(tags)) == len(tags)
    assert all(is_match(tag, tag) for tag in tags)


def mark(job_id: UUID, seq: int, status: JobStatus) -> JobMark:
    return JobMark(id=job_id, owner="user:ada", platform="tiktok", event_seq=seq, status=status)


@given(st.binary(), st.text())
def test_no_header_makes_it_fail(content: bytes, header: str) -> None:
    tag = tag_of_content(content)
    assert is_match(tag, tag)
    assert not is_match(header.replace("*", ""), tag)
