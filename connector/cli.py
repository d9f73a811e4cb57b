"""The commands of `python app.py`. Exit codes: 0 fine, 1 problems found, 2 wrong use, 3 CRM unreachable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from connector.checking import against_crm, check_files, check_installation
from connector.errors import CrmError, SettingsError
from connector.explaining import explain_client
from connector.opening import Opened, open_all
from connector.portal_files import init_portal
from connector.serve import Child, supervise, web_command, work_command
from connector.settings import load_settings
from connector.texts import language, say
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
