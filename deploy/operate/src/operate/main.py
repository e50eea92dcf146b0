"""`operate`: what the person on call may see and do. It changes rows and publishes nothing: what becomes due by it, the
webhook's sweep publishes.
"""

import typer

from operate import account, job, letter, nkey, person, platform, setting, spending

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="See and do what is for the person on call. Needs DATABASE_URL (nkey does not).",
)
app.add_typer(letter.app, name="letters")
app.add_typer(platform.app, name="platforms")
app.add_typer(spending.app, name="spending")
app.add_typer(setting.app, name="settings")
app.add_typer(account.app, name="accounts")
app.command("person")(person.show_person)
app.add_typer(nkey.app, name="nkey")
app.command("job")(job.show_job)
app.command("find")(job.find_reference)


def main() -> None:
    app()
