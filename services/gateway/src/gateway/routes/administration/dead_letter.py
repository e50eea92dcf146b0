"""Dead letters: listed, read, driven again, put away."""

from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from common.crash import CrashPoint
from common.db.administration import LetterFilter, LetterRow, read_letters
from common.db.pool import Connection
from common.transaction.lock import UnknownJobError
from common.transaction.quota import DayUsedUpError, QuotaExceededError
from common.transaction.redrive import LetterRefusal, LetterRefusedError, discard_letter, redrive_letter
from common.transaction.reopening import NotReopenedError, Renewal
from gateway.administrator import everybodys
from gateway.answer.dead_letter import DeadLetterAnswer, DeadLetterPage
from gateway.auth.principal import Principal
from gateway.choice import LETTER_PARAMETERS, read_is_open, read_reference, read_wanted_job
from gateway.composition import Gateway
from gateway.parameter import read_parameters
from gateway.problem import Kind, ProblemError, not_found
from gateway.query import read_cursor, read_id, read_limit, write_cursor

PATH = "/api/v1/dead-letters"
_ONE = f"{PATH}/{{letter_id:str}}"


@get(PATH)
async def list_dead_letters(
    request: Request[Principal, None, State], gateway: NamedDependency[Gateway]
) -> Response[bytes]:
    """Newest first, the open ones unless others are asked for; `nextCursor` asks for the next page, null ends."""
    asked = read_parameters(request.scope["query_string"], LETTER_PARAMETERS)
    limit = read_limit(asked.get("limit"))
    wanted = LetterFilter(
        is_open=read_is_open(asked.get("state")),
        job_id=read_wanted_job(asked.get("jobId")),
        reference=read_reference(asked.get("reference")),
        before=read_cursor(asked.get("cursor")),
        count_max=limit + 1,
    )
    async with everybodys(gateway).connection() as connection:
        rows = await read_letters(connection, wanted)
    shown = rows[:limit]
    page = DeadLetterPage(
        items=[DeadLetterAnswer.of(row) for row in shown],
        next_cursor=write_cursor(shown[-1].id) if len(rows) > limit else None,
    )
    return Response(page.encoded(), media_type="application/json")


@get(_ONE)
async def read_dead_letter(letter_id: FromPath[str], gateway: NamedDependency[Gateway]) -> Response[bytes]:
    return await _answer(gateway, read_id(letter_id))


@post(f"{_ONE}/redrive", status_code=200)
async def redrive(
    letter_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """The letter as it is now: its step goes on, or its job is retried as a whole. 409 says why it cannot."""
    wanted_id = read_id(letter_id)
    renewal = Renewal.under(await gateway.resources.settings.current())
    with _refusals():
        await _check_open(gateway, wanted_id)
        due = await redrive_letter(
            await gateway.resources.unit(everybodys(gateway)), wanted_id, renewal, by=principal.user_id
        )
    gateway.resources.crash.reach(CrashPoint.LETTER_COMMITTED)
    await gateway.publication.publish(everybodys(gateway), due)
    return await _answer(gateway, wanted_id)


@post(f"{_ONE}/discard", status_code=200)
async def discard(
    letter_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """The letter as it is now: put away, its job as it was. 409 if it was settled before."""
    wanted_id = read_id(letter_id)
    with _refusals():
        await _check_open(gateway, wanted_id)
        await discard_letter(await gateway.resources.unit(everybodys(gateway)), wanted_id, by=principal.user_id)
    return await _answer(gateway, wanted_id)


@contextmanager
def _refusals() -> Generator[None]:
    """Each reason why nothing was done, as 409."""
    try:
        yield
    except LetterRefusedError as error:
        settled = error.refusal is LetterRefusal.UNKNOWN  # it was there a moment ago
        raise _conflict("the letter is settled" if settled else error.refusal) from None
    except NotReopenedError as error:
        raise _conflict(error.refusal) from None
    except QuotaExceededError:
        raise _conflict("its owner's credits for today (UTC) do not cover another run") from None
    except DayUsedUpError:
        raise _conflict("what all jobs may spend today (UTC) does not cover another run") from None
    except UnknownJobError:
        raise _conflict("its job is gone: discard the letter") from None


def _conflict(reason: str) -> ProblemError:
    return ProblemError(Kind.CONFLICT, f"{reason[0].upper()}{reason[1:]}.")


async def _check_open(gateway: Gateway, letter_id: UUID) -> None:
    async with everybodys(gateway).connection() as connection:
        row = await _letter(connection, letter_id)
    if not row.is_open:
        raise LetterRefusedError(LetterRefusal.UNKNOWN)


async def _answer(gateway: Gateway, letter_id: UUID) -> Response[bytes]:
    async with everybodys(gateway).connection() as connection:
        row = await _letter(connection, letter_id)
    return Response(DeadLetterAnswer.of(row).encoded(), media_type="application/json")


async def _letter(connection: Connection, letter_id: UUID) -> LetterRow:
    """Raises ProblemError (404) if there is none."""
    rows = await read_letters(connection, LetterFilter(ids=[letter_id], count_max=1))
    if not rows:
        raise not_found()
    return rows[0]
