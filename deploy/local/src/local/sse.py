"""Reads a job's live events as a frontend does."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

WAITED_S = 20.0


class RefusedError(Exception):
    """There is no stream; the answer says why."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Told:
    """One message of a stream; `id` None: it had none."""

    name: str
    id: int | None
    data: Any
    retry_ms: int | None = None


class Stream:
    """An open stream and what it told so far."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.told: list[Told] = []
        self._messages = tell(answer)

    async def next(self) -> Told:
        """The next message. Raises StopAsyncIteration if the server ended the stream, TimeoutError after 20 s."""
        told = await asyncio.wait_for(anext(self._messages), WAITED_S)
        self.told.append(told)
        return told

    async def until(self, name: str) -> Told:
        """The next message of this name."""
        while (told := await self.next()).name != name:
            continue
        return told

    async def rest(self) -> list[Told]:
        """Everything that was told, once the server ended the stream."""
        while True:
            try:
                await self.next()
            except StopAsyncIteration:
                return self.told

    @property
    def names(self) -> list[str]:
        return [told.name for told in self.told]

    @property
    def ids(self) -> list[int]:
        return [told.id for told in self.told if told.id is not None]


@asynccontextmanager
async def open_stream(client: httpx.AsyncClient, job_id: object, last: int | None = None) -> AsyncGenerator[Stream]:
    """The stream of a job's events after `last`. Raises RefusedError if the answer is none."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    async with client.stream("GET", f"/api/v1/jobs/{job_id}/events", headers=headers) as answer:
        if answer.status_code != 200:
            await answer.aread()
            raise RefusedError(answer)
        yield Stream(answer)


async def tell(answer: httpx.Response) -> AsyncIterator[Told]:
    """What a stream tells, message by message; comments are left out."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if "data" in fields:
                yield _told(fields)
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


def _told(fields: dict[str, str]) -> Told:
    return Told(
        name=fields["event"],
        id=int(fields["id"]) if "id" in fields else None,
        data=json.loads(fields["data"]),
        retry_ms=int(fields["retry"]) if "retry" in fields else None,
    )
