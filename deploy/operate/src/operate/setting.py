"""`operate settings`: what may be changed while everything runs, who changed it, and the first administrator."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from common.db.administration import (
    ChangeFilter,
    SettingChangeRow,
    SettingRow,
    list_setting_changes,
    list_settings,
)
from common.domain.model import Model
from common.domain.setting_key import SETTING_KEYS, SettingKey
from common.errors import CallerError
from common.transaction.setting import Request, SettingRefusedError, UnknownSettingError, reset_setting, set_setting
from operate.desk import REFUSED, Desk, at_desk
from operate.terminal import complain, draw, lasts, new_table, plain, print_json, say, stack
from operate.who import By, read_name

COUNT_MAX = 1000

app = typer.Typer(no_args_is_help=True, help="Settings: what is in force, changes, their history.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Like limits.admin_user_ids.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


class Line(Model):
    """One setting. `problem` says why a stored value is not in force; a key that is not known has no `type`."""

    name: str
    type: str | None
    takes: str | None
    description: str | None
    default: Any
    value: Any
    overridden: bool
    problem: str | None
    updated_by: str | None
    updated_at: datetime | None


@app.command("list")
def show_settings(as_json: AsJson = False) -> None:
    """Show every setting with its value; what differs from the default is marked."""

    async def work(desk: Desk) -> list[SettingRow]:
        async with desk.database.connection() as connection:
            return await list_settings(connection)

    lines = _lines(at_desk(work))
    if as_json:
        print_json(lines)
    else:
        draw(_settings_table(lines))
    for line in lines:
        if line.problem is not None:
            complain(f"{line.name}: {line.problem}; while this is stored, services keep the last good settings")


@app.command("set")
def change(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="A number, PT90S, none, or '[\"user_...\"]'.")],
    by: By = None,
) -> None:
    """Set a value. Services have it within seconds."""
    request = _request(name, by)
    given = _read_value(value)

    async def work(desk: Desk) -> bool:
        return await set_setting(await desk.unit(), request, given)

    _tell(name, _settle(name, work), f"set to {value}")


@app.command()
def reset(name: Name, by: By = None) -> None:
    """Go back to the default. This also takes away what is stored under a key that is not known."""
    request = _request(name, by)

    async def work(desk: Desk) -> bool:
        return await reset_setting(await desk.unit(), request)

    _tell(name, _settle(name, work), "back to its default")


@app.command()
def history(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Default: every setting's.")] = None,
    count: Annotated[int, typer.Option(min=1, max=COUNT_MAX, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show who changed what, the newest first."""
    category, key = (None, None) if name is None else _place(name)
    wanted = ChangeFilter(category=category, key=key, count_max=count)

    async def work(desk: Desk) -> list[SettingChangeRow]:
        async with desk.database.connection() as connection:
            return await list_setting_changes(connection, wanted)

    changes = at_desk(work)
    if as_json:
        print_json(changes)
    elif changes:
        draw(_changes_table(changes))
    else:
        say("No changes.")


def _place(name: str) -> tuple[str, str]:
    category, dot, key = name.partition(".")
    if not category or not dot or not key or "\0" in name:
        raise typer.BadParameter("a setting is named like limits.admin_user_ids", param_hint="NAME")
    return category, key


def _request(name: str, by: str | None) -> Request:
    category, key = _place(name)
    return Request(category=category, key=key, by=read_name(by), is_operator=True)


def _read_value(text: str) -> Any:
    """JSON, or what people write instead: none, and a text without quotes."""
    if text == "none":
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _settle(name: str, work: Callable[[Desk], Awaitable[bool]]) -> bool:
    """Whether something changed; a refusal is one line, and exit code 1."""

    async def judged(desk: Desk) -> bool | str:
        try:
            return await work(desk)
        except UnknownSettingError:
            return "there is no such setting: operate settings list"
        except (CallerError, SettingRefusedError) as error:
            return str(error)

    outcome = at_desk(judged)
    if isinstance(outcome, str):
        complain(f"{name}: {outcome}")
        raise typer.Exit(REFUSED)
    return outcome


def _tell(name: str, is_changed: bool, what: str) -> None:
    say(f"{name}: {what}. Services have it within seconds." if is_changed else f"{name}: it was so already.")


def _lines(rows: list[SettingRow]) -> list[Line]:
    stored = {(row.category, row.key): row for row in rows}
    known = [_line(setting, stored.get(place)) for place, setting in SETTING_KEYS.items()]
    return [*known, *(_unknown_line(row) for place, row in stored.items() if place not in SETTING_KEYS)]


def _line(setting: SettingKey, row: SettingRow | None) -> Line:
    return Line(
        name=setting.name,
        type=setting.type,
        takes=setting.takes,
        description=setting.description,
        default=setting.default,
        value=setting.default if row is None else row.value,
        overridden=row is not None,
        problem=None if row is None or setting.is_valid(row.value) else f"must be {setting.takes}",
        updated_by=row.updated_by if row else None,
        updated_at=row.updated_at if row else None,
    )


def _unknown_line(row: SettingRow) -> Line:
    return Line(
        name=f"{row.category}.{row.key}",
        type=None,
        takes=None,
        description=None,
        default=None,
        value=row.value,
        overridden=True,
        problem="is not a known setting",
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )


def _settings_table(lines: list[Line]) -> Table:
    now = datetime.now(UTC)
    table = new_table("setting", "value", "default", "set")
    for line in lines:
        when = f"{lasts(now - line.updated_at)} ago by {line.updated_by or '?'}" if line.updated_at else "-"
        about = plain(line.description or line.problem or "", "dim")
        table.add_row(
            stack(plain(line.name, "bold"), about),
            plain(_shown(line.value), "yellow" if line.overridden else ""),
            plain(_shown(line.default)),
            plain(when),
        )
    return table


def _changes_table(changes: list[SettingChangeRow]) -> Table:
    now = datetime.now(UTC)
    table = new_table(">age", "setting", "from", "to", "by")
    for one in changes:
        table.add_row(
            lasts(now - one.changed_at),
            plain(f"{one.category}.{one.key}"),
            plain("default" if one.was_default else _shown(one.old_value)),
            plain("default" if one.is_default else _shown(one.new_value)),
            plain(one.changed_by),
        )
    return table


def _shown(value: Any) -> str:
    """As it is given to `settings set`."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
