"""Settings: `config.yaml` and `.env` of the operator.

Secrets are written in `.env` (or the environment) and named in config.yaml as `${NAME}`. Every problem has its place;
lines of the file are never shown, they may hold secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping  # the models below need it when they are made
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr

from connector.errors import SettingsError
from connector.guards import DEFAULT_OAUTH_URL, in_sandbox, unsafe
from connector.texts import language
from rules.located import locate
from rules.problems import Hint, Problem, has_errors, in_order, render
from rules.shape import Reporter, Strict, fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rules.located import Path as Where

__all__ = [
    "LogSettings",
    "PortalConnection",
    "Settings",
    "SettingsFile",
    "Waits",
    "in_sandbox",
    "load_settings",
    "read_settings",
]

_REFERENCE: Final = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


Number = Annotated[float, BeforeValidator(_as_float)]


class PortalConnection(Strict):
    """How one portal is reached and how its webhooks are proven. What a CRM does not have stays empty."""

    crm: Literal["bitrix24", "amocrm"]
    url: SecretStr
    """Bitrix24: the incoming webhook's address, secret included, or with `client_id` the portal's own, `https://x.bitrix24.ru`;
    amoCRM: `https://subdomain.amocrm.ru`.
    """
    client_id: str | None = None
    """The local application (Bitrix24) or integration (amoCRM) that the administrator made for us.

    Bitrix24: set, it is used instead of the webhooks; amoCRM: it is connected by OAuth unless there is a `token`.
    """
    client_secret: SecretStr | None = None
    """Its key. Bitrix24: sent to `oauth_url` and nowhere else; amoCRM: to the account itself and nowhere else."""
    oauth_url: str = DEFAULT_OAUTH_URL
    """Bitrix24: the vendor's OAuth server, one of `guards.OAUTH_URLS`; in the sandbox on this machine."""
    offline_events: bool = False
    """Bitrix24 with an application: the portal keeps its events in a queue until we have read them (needs its plan)."""
    token: SecretStr | None = None
    """amoCRM: the long-lived token of the private integration; `client_id` beside it proves its widget's calls."""
    application_tokens: tuple[SecretStr, ...] = ()
    """Bitrix24: the token of every outgoing webhook."""
    hook_secret: SecretStr | None = None
    """amoCRM: the last part of the webhook's address, 32 characters or more."""
    member_id: str | None = None
    """Bitrix24: learnt from the first proven webhook when left out."""
    requests_per_second: Annotated[Number, Field(ge=0, le=100)] = 0
    """0: the CRM's usual limit (Bitrix24 2, amoCRM 7)."""
    burst: Annotated[int, Field(ge=0, le=1000)] = 0
    """0: the CRM's usual burst (Bitrix24 50, amoCRM 2)."""
    allow_private_host: bool = False
    """An on-premise CRM inside a private network."""

    @property
    def is_app(self) -> bool:
        """Connected by an application whose tokens lie in our tables, not by a webhook or a long-lived token."""
        return self.client_id is not None and self.token is None


class LogSettings(Strict):
    """What is logged and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = False


class Waits(Strict):
    """Waiting times in real seconds; tests shrink them, which needs KASANIE_SANDBOX=1."""

    lease: Annotated[Number, Field(gt=0)] = 90
    """How long a portal's lane is held without a sign of life."""
    quarantine: Annotated[Number, Field(gt=0)] = 90
    """How long a write of unknown outcome is left alone, from its start: the CRM's 60 s and a margin."""
    read_timeout: Annotated[Number, Field(gt=0)] = 65
    """How long an answer is waited for."""
    gather: Annotated[Number, Field(ge=0)] = 1
    """How long bells are gathered before they are answered."""
    pump: Annotated[Number, Field(gt=0)] = 0.3
    """How often the tables are asked what is undone."""


class SettingsFile(Strict):
    """The whole of config.yaml."""

    database: Annotated[str, Field(repr=False)] = "sqlite:///state/kasanie.db"
    """`sqlite:///PATH` or `postgresql+psycopg://…`; may hold a password."""
    listen: str = "127.0.0.1:8080"
    threads: Annotated[int, Field(ge=1, le=256)] = 16
    web_workers: Annotated[int, Field(ge=1, le=64)] = 1
    """gunicorn worker processes; more than one only on PostgreSQL."""
    work_threads: Annotated[int, Field(ge=1, le=64)] = 4
    """How many portals one worker serves side by side."""
    language: Literal["ru", "en"] = "ru"
    """Of task texts, notes and messages."""
    portals_folder: str = "portals"
    public_url: str | None = None
    """Where the outside reaches us, `https://kasanie.example.ru`: an application's events and installation."""
    key_file: str = "state/kasanie.key"
    """The key of the tokens that lie in the tables; made at the first start, mode 0600. Keep a copy of it apart."""
    reconcile_minutes: Annotated[Number, Field(gt=0, le=1440)] = 5
    log: LogSettings = LogSettings()
    waits: Waits = Waits()
    portals: Annotated[Mapping[str, PortalConnection], Field(default_factory=dict)]

    @property
    def distributed(self) -> bool:
        """True on PostgreSQL: many workers, Huey over the database."""
        return self.database.startswith("postgresql")


class Settings(SettingsFile):
    """config.yaml, where it lies, and the sandbox of this run."""

    folder: Path = Path()
    """Where config.yaml lies; relative paths count from here. Not a key of the file."""
    sandbox: str | None = None
    """The sandbox's control address, from KASANIE_SANDBOX_URL when KASANIE_SANDBOX=1. Not a key of the file."""

    def portal_folder(self, name: str) -> Path:
        """`portals/<name>`, where the admin's files lie."""
        return self.folder / self.portals_folder / name

    def database_url(self) -> str:
        """The database's address with a relative SQLite path made absolute from config.yaml's folder."""
        if not self.database.startswith("sqlite:///"):
            return self.database
        return f"sqlite:///{(self.folder / self.database.removeprefix('sqlite:///')).resolve()}"

    def key_path(self) -> Path:
        """The key file; relative from config.yaml's folder."""
        return (self.folder / self.key_file).resolve()

    def hook_url(self, name: str) -> str | None:
        """Where a portal posts its events, seen from outside; None where `public_url` is not told. May hold a secret.

        amoCRM's is known by the last part, which proves its webhooks.
        """
        if not self.public_url:
            return None
        url, portal = f"{self.public_url.rstrip('/')}/hooks/{name}", self.portals[name]
        if portal.crm == "bitrix24":
            return url
        return f"{url}/{portal.hook_secret.get_secret_value()}" if portal.hook_secret else None

    def redirect_uri(self) -> str:
        """Where amoCRM sends codes; the integration's settings there must say exactly this."""
        return f"{(self.public_url or '').rstrip('/')}/oauth/amocrm"

    def disabled_url(self) -> str:
        """Where amoCRM tells that the integration was switched off; for the integration's settings there."""
        return f"{(self.public_url or '').rstrip('/')}/hooks/amocrm/disabled"

    def secrets(self) -> tuple[str, ...]:
        """Every secret of the settings in plain, for the log to hide."""
        masked = [secret for portal in self.portals.values() for secret in _secrets_of(portal) if secret is not None]
        return tuple(secret.get_secret_value() for secret in masked)


def _secrets_of(portal: PortalConnection) -> tuple[SecretStr | None, ...]:
    address = portal.url if portal.crm == "bitrix24" and not portal.is_app else None  # the others' are no secret
    return (address, portal.token, portal.client_secret, portal.hook_secret, *portal.application_tokens)


def load_settings(path: Path) -> Settings:
    """Read config.yaml beside its `.env`.

    Raises:
        SettingsError: with every problem found, each with its place and a hint.
    """
    settings, problems = read_settings(path)
    if settings is None:
        raise SettingsError([render([problem], language()).rstrip() for problem in problems])
    return settings


def read_settings(path: Path) -> tuple[Settings | None, tuple[Problem, ...]]:
    """config.yaml as settings, or `None` and every problem with its place."""
    try:
        located = locate(path.read_bytes())
    except OSError:
        missing = Problem(name=path.name, line=1, column=1, code="no-config", given={"path": path.name})
        return None, (missing,)
    report = Reporter(located, path.name, show_lines=False)
    try:
        environment = {**dotenv_values(path.parent / ".env", interpolate=False), **os.environ}
    except UnicodeDecodeError:
        return None, (Problem(name=".env", line=1, column=1, code="not-utf8", hint=Hint(code="save-utf8")),)
    missing_names: list[tuple[Where, str]] = []
    filled = replace(located, root=_fill_in(located.root, (), environment, missing_names.append))
    read = fit(filled, path.name, SettingsFile, show_lines=False)
    problems = list(read.problems)
    for place, name in missing_names:
        hint = Hint(code="write-variable", given={"name": name})
        problems.append(report.of_value(place, "no-variable", {"name": name}, hint=hint))
    sandbox = environment.get("KASANIE_SANDBOX_URL") if in_sandbox() else None
    if read.model is not None and not missing_names:
        problems += unsafe(read.model, sandbox, report)
    found = in_order(problems)
    if read.model is None or has_errors(found):
        return None, found
    keys = {name: getattr(read.model, name) for name in SettingsFile.model_fields}
    return Settings(**keys, folder=path.resolve().parent, sandbox=sandbox), found


def _fill_in(
    tree: Any, place: Where, environment: Mapping[str, str | None], missing: Callable[[tuple[Where, str]], None]
) -> Any:
    """The tree with the environment's value for every `${NAME}`; one that is not there or empty is told."""
    if isinstance(tree, dict):
        return {key: _fill_in(value, (*place, key), environment, missing) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_fill_in(value, (*place, index), environment, missing) for index, value in enumerate(tree)]
    if not isinstance(tree, str):
        return tree

    def value_of(match: re.Match[str]) -> str:
        value = environment.get(match[1])
        if not value:
            missing((place, match[1]))
        return value or "missing"

    return _REFERENCE.sub(value_of, tree)
