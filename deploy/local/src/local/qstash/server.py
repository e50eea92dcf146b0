"""The parts of a running stand-in, put together and taken down."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from local.qstash.account import Account
from local.qstash.courier import Courier, Draft
from local.qstash.delivery import LIMITS, Post
from local.qstash.error import UnauthorizedError
from local.qstash.keys import USERS, User
from local.qstash.message import Message
from local.qstash.plan import Plan
from local.qstash.publication import Publisher, make_message
from local.qstash.scheduler import Scheduler
from local.qstash.switch import Switchboard


@dataclass(slots=True)
class Server:
    """Everything that the API and the control work on; `accounts` by token."""

    plan: Plan
    board: Switchboard
    accounts: dict[str, Account]
    post: Post
    courier: Courier
    publisher: Publisher
    scheduler: Scheduler
    users: tuple[User, ...] = USERS

    def account(self, token: str) -> Account:
        """Raises UnauthorizedError."""
        if token not in self.accounts:
            raise UnauthorizedError
        return self.accounts[token]

    async def reset(self) -> None:
        """As at the start: nothing published, nothing remembered, the first keys, the first switches."""
        await self.stop()
        self.board.reset()
        self.accounts = new_accounts(self.users)
        self.post.deliveries.clear()

    async def stop(self) -> None:
        await self.scheduler.stop()
        await self.courier.stop()


def new_accounts(users: tuple[User, ...]) -> dict[str, Account]:
    return {user.token: Account(user) for user in users}


@asynccontextmanager
async def open_server(board: Switchboard, plan: Plan, users: tuple[User, ...] = USERS) -> AsyncGenerator[Server]:
    """Neither proxies nor certificates from the environment: destinations are reached directly."""

    def make(draft: Draft) -> Message:
        return make_message(draft, plan)

    async with httpx.AsyncClient(timeout=None, limits=LIMITS, trust_env=False) as client:  # noqa: S113  (each attempt has its own limit)
        post = Post(client, board, plan)
        courier = Courier(post, board, make)
        publisher = Publisher(courier, board, plan)
        scheduler = Scheduler(publisher, board)
        server = Server(plan, board, new_accounts(users), post, courier, publisher, scheduler, users)
        try:
            yield server
        finally:
            await server.stop()
