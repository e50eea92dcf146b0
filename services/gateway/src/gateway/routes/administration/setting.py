"""Dynamic settings: listed, read with their history, changed, put back to their defaults."""

from collections.abc import Generator
from contextlib import contextmanager

from litestar import Request, Response, delete, get, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from common.db.administration import ChangeFilter, SettingRow, list_setting_changes, list_settings
from common.db.pool import Connection
from common.domain.setting_key import SETTING_KEYS
from common.engine.setting import Refusal
from common.errors import CallerError
from common.transaction import setting as transaction
from common.transaction.setting import SettingRefusedError, UnknownSettingError
from gateway.administrator import everybodys, forbidden
from gateway.answer.setting import (
    SettingAnswer,
    SettingChangeAnswer,
    SettingChangePage,
    SettingDetailAnswer,
    SettingList,
)
from gateway.auth.principal import Principal
from gateway.body import read_body
from gateway.change import SettingBody
from gateway.choice import PAGE_PARAMETERS
from gateway.composition import Gateway
from gateway.parameter import read_parameters
from gateway.problem import Kind, ProblemError, not_found
from gateway.query import read_cursor, read_limit, write_cursor

PATH = "/api/v1/settings"
_ONE = f"{PATH}/{{category:str}}/{{key:str}}"

Rows = dict[tuple[str, str], SettingRow]


@get(PATH)
async def list_every_setting(gateway: NamedDependency[Gateway]) -> Response[bytes]:
    """Every setting, also what is stored under keys that are not known: it keeps all others from being in force."""
    async with everybodys(gateway).connection() as connection:
        rows = await _rows(connection)
    known = [SettingAnswer.of(setting, rows.get(place)) for place, setting in SETTING_KEYS.items()]
    unknown = [SettingAnswer.of_unknown(row) for place, row in rows.items() if place not in SETTING_KEYS]
    return Response(SettingList(items=[*known, *unknown]).encoded(), media_type="application/json")


@get(_ONE)
async def read_setting(
    category: FromPath[str],
    key: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
) -> Response[bytes]:
    """The setting with a page of its history, the newest change first."""
    asked = read_parameters(request.scope["query_string"], PAGE_PARAMETERS)
    limit, before = read_limit(asked.get("limit")), read_cursor(asked.get("cursor"))
    async with everybodys(gateway).connection() as connection:
        setting = _answer(await _rows(connection), category, key)
        wanted = ChangeFilter(category=category, key=key, before=before, count_max=limit + 1)
        changes = await list_setting_changes(connection, wanted)
    shown = changes[:limit]
    history = SettingChangePage(
        items=[SettingChangeAnswer.of(change) for change in shown],
        next_cursor=write_cursor(shown[-1].id) if len(changes) > limit else None,
    )
    return Response(SettingDetailAnswer(setting=setting, history=history).encoded(), media_type="application/json")


@put(_ONE, status_code=200)
async def change_setting(
    category: FromPath[str],
    key: FromPath[str],
    body: RawBody,
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """The setting as it is now. In force here at once, elsewhere within seconds."""
    given = read_body(SettingBody, body)
    request = transaction.Request(category=category, key=key, by=principal.user_id)
    with _refusals():
        try:
            await transaction.set_setting(await gateway.resources.unit(everybodys(gateway)), request, given.value)
        except SettingRefusedError as error:
            if error.refusal is Refusal.NO_SECOND_PAGE:
                raise CallerError(error.refusal.value, pointer="/value", code="together") from None
            raise
    return await _changed(gateway, category, key)


@delete(_ONE, status_code=200)
async def restore_setting(
    category: FromPath[str],
    key: FromPath[str],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """The setting with its default; 204 if it was stored under a key that is not known, and so is gone."""
    request = transaction.Request(category=category, key=key, by=principal.user_id)
    with _refusals():
        await transaction.reset_setting(await gateway.resources.unit(everybodys(gateway)), request)
    return await _changed(gateway, category, key)


@contextmanager
def _refusals() -> Generator[None]:
    """404 for a setting that there is not, 403 for who is no administrator any more, 409 for what may not be."""
    try:
        yield
    except UnknownSettingError:
        raise not_found() from None
    except SettingRefusedError as error:
        if error.refusal is Refusal.NOT_ADMINISTRATOR:
            raise forbidden() from None
        reason = error.refusal.value
        raise ProblemError(Kind.CONFLICT, f"{reason[0].upper()}{reason[1:]}.") from None


async def _changed(gateway: Gateway, category: str, key: str) -> Response[bytes]:
    gateway.resources.settings.forget()
    async with everybodys(gateway).connection() as connection:
        rows = await _rows(connection)
    if (category, key) not in {*rows, *SETTING_KEYS}:
        return Response(b"", status_code=204)
    return Response(_answer(rows, category, key).encoded(), media_type="application/json")


async def _rows(connection: Connection) -> Rows:
    return {(row.category, row.key): row for row in await list_settings(connection)}


def _answer(rows: Rows, category: str, key: str) -> SettingAnswer:
    setting, row = SETTING_KEYS.get((category, key)), rows.get((category, key))
    if setting is not None:
        return SettingAnswer.of(setting, row)
    if row is None:
        raise not_found()
    return SettingAnswer.of_unknown(row)
