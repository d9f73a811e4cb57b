"""The commands of `python app.py`. Exit codes: 0 fine, 1 problems found, 2 wrong use, 3 CRM unreachable."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from connector.checking import against_crm, check_files, check_installation
from connector.connecting import Connecting
from connector.doctor import Doctor
from connector.errors import CrmError, SettingsError
from connector.explaining import explain_client
from connector.opening import Opened, open_all
from connector.portal_files import init_portal
from connector.proven import Turns
from connector.serve import Child, supervise, web_command, work_command
from connector.settings import load_settings
from connector.store.opening import open_store
from connector.texts import language, say
from connector.vault import rotate_key
from connector.worker import run_worker
from rules.problems import Problem, has_errors, in_order, render
from rules.texts import Lang

APP: Final = Path(__file__).resolve().parent.parent / "app.py"
FINE, PROBLEMS, WRONG_USE, UNREACHABLE = 0, 1, 2, 3


class Commands(click.Group):
    """Turns our own errors into a sentence and an exit code, never a stack trace."""

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(context)
        except SettingsError as error:
            click.echo("\n".join(error.problems), err=True)
            sys.exit(WRONG_USE)
        except CrmError as error:
            click.echo(say("crm-unreachable", portal=error.portal, why=error.text), err=True)
            sys.exit(UNREACHABLE)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", default="config.yaml", type=click.Path(path_type=Path), help="The settings file.")
@click.pass_context
def commands(context: click.Context, config: Path) -> None:
    """Kasanie: systematic client touches for Bitrix24 and amoCRM. / Касание: системные касания клиентов."""
    context.obj = config


@commands.command()
@click.option("--no-worker", is_flag=True, help="The web alone; workers run elsewhere.")
@click.pass_obj
def serve(config: Path, *, no_worker: bool) -> None:
    """Serve webhooks and work, restarting what dies. / Принимать вебхуки и работать."""
    settings = load_settings(config)
    opened = open_all(config)  # migrations and the first look at everything, before children start
    for name in settings.portals:  # what the CRMs posted while nobody listened
        opened.store.set_reconcile_due(name, opened.clock())
    opened.close()
    children = [Child("web", web_command(settings, APP, config.resolve()))]
    if not no_worker:
        children.append(Child("work", work_command(APP, config.resolve())))
    sys.exit(supervise(children))


@commands.command()
@click.option("--drain", is_flag=True, help="Until nothing is due, then exit.")
@click.pass_obj
def work(config: Path, *, drain: bool) -> None:
    """Work alone, without the web. / Только рабочий процесс."""
    opened = open_all(config)
    try:
        code = run_worker(opened, drain=drain)
    finally:
        opened.close()
    sys.exit(code)


@commands.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox(options: tuple[str, ...]) -> None:
    """Only the emulated CRMs (docs/sandbox.md). / Только учебные CRM."""
    from connector.sandbox.run import main  # noqa: PLC0415  # an operator's process never loads the sandbox

    sys.exit(main(list(options)))


@commands.command()
@click.argument("name")
@click.option("--from", "template", default="b2b", help="The ready regulation to start from.")
@click.pass_obj
def init(config: Path, name: str, template: str) -> None:
    """Make a portal's files in portals/NAME. / Создать файлы портала."""
    for path in init_portal(load_settings(config), name, template):
        click.echo(say("portal-made", path=path, portal=name))


@commands.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--portal", help="Also against the live CRM of this portal.")
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Language of the sentences.")
@click.pass_obj
def check(config: Path, files: tuple[Path, ...], portal: str | None, lang: str | None) -> None:
    """Find problems in regulations, dossiers and settings. / Проверить файлы."""
    found: list[Problem] = []
    lines: list[str] = []
    spoken: Lang = "en" if (lang or language()) == "en" else "ru"
    if files:
        found, lines = check_files(files)
    else:
        found, lines = check_installation(config)
    if portal and not has_errors(found):
        lines += against_crm(load_settings(config), config, portal, spoken)
    ordered = in_order(found)
    click.echo(render(ordered, spoken), nl=False)
    for line in lines:
        click.echo(line)
    if not lines and not ordered:
        click.echo(say("no-problems", spoken))
    sys.exit(PROBLEMS if lines or has_errors(ordered) else FINE)


@commands.command()
@click.option("--portal", help="This portal only.")
@click.option("--fix", is_flag=True, help="Create our fields and bind the events.")
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Language of the sentences.")
@click.pass_obj
def doctor(config: Path, portal: str | None, *, fix: bool, lang: str | None) -> None:
    """Look whether everything is connected. / Проверить подключение порталов."""
    opened = open_all(config)
    try:
        looking = Doctor(opened, "en" if (lang or language()) == "en" else "ru", fix=fix)
        for line in looking.look(portal):
            click.echo(line)
    finally:
        opened.close()
    sys.exit(looking.code)


@commands.command()
@click.argument("portal")
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Language of the sentences.")
@click.pass_obj
def connect(config: Path, portal: str, lang: str | None) -> None:
    """Make the link that lets our integration into an amoCRM account. / Ссылка для подключения amoCRM."""
    opened = open_all(config)
    try:
        link = Connecting(opened.portals, opened.store, opened.vault, Turns()).link(portal)
    finally:
        opened.close()
    doors = {"redirect": opened.settings.redirect_uri(), "disabled": opened.settings.disabled_url()}
    click.echo(say("connect-open", lang, **doors))
    click.echo(link)


@commands.command("rotate-key")
@click.option("--drop-old", is_flag=True, help="Seal everything by the first key and drop the others.")
@click.pass_obj
def rotate_the_key(config: Path, *, drop_old: bool) -> None:
    """A new key for the tokens in the tables. / Сменить ключ, которым зашифрованы токены."""
    settings = load_settings(config)
    with closing(open_store(settings.database_url())) as store:
        count = rotate_key(settings.key_path(), store, drop_old=drop_old)
    click.echo(say("key-dropped" if drop_old else "key-changed", path=settings.key_path(), count=count))


@commands.command()
@click.argument("portal")
@click.argument("client")
@click.option("--rule", help="This rule only.")
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Language of the sentences.")
@click.pass_obj
def explain(config: Path, portal: str, client: str, rule: str | None, lang: str | None) -> None:
    """Say why a client's touches are due or not (CLIENT: company:45). / Почему касание есть или его нет."""
    opened: Opened = open_all(config)
    try:
        text = explain_client(opened, portal, client, rule, "en" if (lang or language()) == "en" else "ru")
    finally:
        opened.close()
    click.echo(text)
