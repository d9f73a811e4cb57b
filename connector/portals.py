"""The connected portals: how each is reached, what proves its webhooks, and the regulation in force on it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from connector.crm.kinds import CRMS, Kind
from connector.crm.port import App, CompanyCalendar, Connection, Crm, Directory, HookSecrets, Pacer, Stage, User, Wanted
from connector.keeper import StoredTokens
from connector.portal_files import FILES, PortalFiles, load_portal_files, read_regulation_texts
from connector.portal_map import Mapped
from connector.settings import Settings
from connector.store import PortalRow, Store
from connector.vault import Vault
from rules.dossier import Template
from rules.regulation import Regulation

ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger()


@dataclass(frozen=True)
class InForce:
    """What one portal is judged by at this moment."""

    mapped: Mapped
    regulation: Regulation
    template: Template | None


class Portals:
    """All portals of the settings. Safe to use from several threads."""

    def __init__(self, settings: Settings, store: Store, vault: Vault) -> None:
        self.settings = settings
        self._store = store
        self._vault = vault
        self._lock = threading.Lock()
        self._accounts: dict[str, str] = {}
        self._files: dict[str, tuple[object, PortalFiles]] = {}
        self._in_force: dict[str, tuple[str, InForce]] = {}
        for name, portal in settings.portals.items():
            kind = CRMS[portal.crm]
            rate = portal.requests_per_second or kind.rate
            store.add_portal(name, portal.crm, rate=rate, burst=portal.burst or kind.burst, account=portal.member_id)

    def secrets(self, name: str) -> HookSecrets | None:
        """What proves a webhook of this portal; None for an unknown name."""
        portal = self.settings.portals.get(name)
        if portal is None:
            return None
        account = self.account(name)
        return HookSecrets(
            portal=name,
            application_tokens=(*portal.application_tokens, *self._application_token(name)),
            member_id=account if portal.crm == "bitrix24" else None,
            path_secret=portal.hook_secret,
            account=account if portal.crm == "amocrm" else None,
        )

    def _application_token(self, name: str) -> tuple[SecretStr, ...]:
        """What the installed application's webhooks are signed with. Not remembered: an update brings another one."""
        portal = self.settings.portals[name]
        row = self._store.installation(name) if portal.is_app and portal.crm == "bitrix24" else None
        return (self._vault.unseal(row.application_token),) if row and row.application_token else ()

    def installed_at(self, name: str) -> datetime | None:
        """Since when the portal can be called: by webhook always, by an application once it is installed."""
        if not self.settings.portals[name].is_app:
            return ALWAYS
        row = self._store.installation(name)
        return row.installed_at if row is not None and row.alive else None

    def installed(self, name: str) -> bool:
        """Whether the portal can be called at all."""
        return self.installed_at(name) is not None

    def updated(self, name: str, application_token: SecretStr) -> None:
        """An update of the application: its webhooks are signed anew, and its subscriptions are gone."""
        self._store.save_application_token(name, self._vault.seal(application_token))

    def learn(self, name: str, account: str) -> bool:
        """Bind the portal to the account its first proven webhook named; True when it was not known before."""
        if self.account(name) is not None:
            return False
        self._store.learn_account(name, account)
        return True

    def account(self, name: str) -> str | None:
        """The settings' own word first; else what was learnt, kept once known: a portal never changes its account."""
        if told := self.settings.portals[name].member_id:
            return told
        if name not in self._accounts:
            row = self._store.portal(name)
            if row is None or row.account is None:
                return None
            self._accounts[name] = row.account
        return self._accounts[name]

    def kind(self, name: str) -> Kind:
        """What its CRM is like."""
        return CRMS[self.settings.portals[name].crm]

    def open(self, name: str, pacer: Pacer, mapped: Mapped | None) -> Crm:
        """The portal's CRM, ready to be called."""
        portal = self.settings.portals[name]
        row = self._store.portal(name)
        was = urlsplit(portal.url.get_secret_value()).netloc
        connection = Connection(
            portal=name,
            url=self.url(name),
            token=portal.token,
            wanted=mapped.wanted if mapped else Wanted(),
            zone=(row.zone if row else None) or "Europe/Moscow",
            read_timeout=self.settings.waits.read_timeout,
            app=self._app(name),
            moved=lambda host: self._store.moved(name, host, was),
            offline_events=portal.is_app and portal.offline_events,
        )
        return CRMS[portal.crm].open(connection, pacer)

    def url(self, name: str) -> SecretStr:
        """The portal's address by the settings, at the host where it answers now."""
        return SecretStr(moved_url(self.settings.portals[name].url.get_secret_value(), self._store.portal(name)))

    def _app(self, name: str) -> App | None:
        portal = self.settings.portals[name]
        if portal.client_id is None or portal.client_secret is None or not portal.is_app:
            return None
        return App(
            client_id=portal.client_id,
            client_secret=portal.client_secret,
            oauth_url=portal.oauth_url.rstrip("/") if portal.crm == "bitrix24" else "",
            keeper=StoredTokens(name, self._store, self._vault, advice=CRMS[portal.crm].advice),
            redirect_uri=self.settings.redirect_uri(),
        )

    def in_force(self, name: str, now: datetime) -> InForce | None:
        """The regulation to judge by: the files if they are right, else the last good one; None if there never was one.

        Files that are right and new become a row, and all clients are put on the list to judge.
        """
        with self._lock:
            files, fresh = self._read_files(name)
            if fresh and files.regulation is not None and files.mapped is not None:
                self._put_in_force(name, files, now)
            elif fresh and (files.problems or files.missing):
                log.error("regulation.refused", portal=name, problems=len(files.problems) + len(files.missing))
            return self._current(name, files)

    def current(self, name: str) -> InForce | None:
        """What the portal is judged by now; an edited file is left for the worker to put in force."""
        with self._lock:
            return self._current(name, self._read_files(name)[0])

    def _read_files(self, name: str) -> tuple[PortalFiles, bool]:
        """The portal's files, read again only when one of them changed; and whether they were."""
        folder = self.settings.portal_folder(name)
        stamp = tuple(_stamp(folder / file) for file in FILES)
        known = self._files.get(name)
        if known is not None and known[0] == stamp:
            return known[1], False
        files = load_portal_files(self.settings, name)
        self._files[name] = (stamp, files)
        return files, True

    def _put_in_force(self, name: str, files: PortalFiles, now: datetime) -> None:
        assert files.regulation is not None
        rules = [known for rule in files.regulation.rules for known in (rule.id, *rule.was)]
        digest = _digest(files)
        if self._store.put_in_force(name, digest, files.regulation_text, rules, now, dossier_text=files.dossier_text):
            log.info("regulation.in_force", portal=name, digest=digest, rules=len(rules))

    def _current(self, name: str, files: PortalFiles) -> InForce | None:
        row = self._store.portal(name)
        known = self._in_force.get(name)
        if files.mapped is None:  # the map is broken: the last good one stays, as long as this process lives
            return known[1] if known else None
        if row is None or row.regulation is None:
            return None
        if known is None or known[0] != row.regulation or known[1].mapped is not files.mapped:
            regulation, template = files.regulation, files.template
            if regulation is None or _digest(files) != row.regulation:
                regulation, template = self._last_good(name, files)
            if regulation is None:
                return None
            known = (row.regulation, InForce(files.mapped, regulation, template))
            self._in_force[name] = known
        return known[1]

    def _last_good(self, name: str, files: PortalFiles) -> tuple[Regulation | None, Template | None]:
        texts = self._store.regulation_text(name)
        return read_regulation_texts(*texts, files.mapped) if texts else (None, None)


def rules_since(regulation: Regulation, stored: Mapping[str, datetime]) -> dict[str, datetime]:
    """Since when each rule is in force; a renamed one since its first name was."""
    names = {rule.id: [name for name in (rule.id, *rule.was) if name in stored] for rule in regulation.rules}
    return {rule: min(stored[name] for name in known) for rule, known in names.items() if known}


def moved_url(url: str, row: PortalRow | None) -> str:
    """The settings' address, at the host the portal answers from since it moved; an edited address is a new start."""
    parts = urlsplit(url)
    if row is None or not row.host or row.host_was != parts.netloc:
        return url
    return parts._replace(netloc=row.host).geturl()


def _digest(files: PortalFiles) -> str:
    """Of regulation, dossier and map: a mended map too changes what is owed."""
    assert files.regulation is not None
    return sha256(f"{files.regulation.digest} {files.map_text}".encode()).hexdigest()[:16]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size


def directory_to_json(directory: Directory) -> dict[str, Any]:
    """A plain dict for the portal's row."""
    return {
        "zone": directory.zone,
        "account": directory.account,
        "fields": {card: list(names) for card, names in directory.fields.items()},
        "stages": [
            {name: getattr(stage, name) for name in ("key", "pipeline", "title", "pipeline_title", "semantic", "sort")}
            for stage in directory.stages
        ],
        "users": [
            {name: getattr(user, name) for name in ("id", "name", "active", "zone", "head")} for user in directory.users
        ],
        "calendar": asdict(directory.calendar) if directory.calendar else None,
    }


def directory_from_json(row: Mapping[str, Any]) -> Directory:
    """The directory back from `directory_to_json`."""
    return Directory(
        zone=row["zone"],
        account=row["account"],
        fields={card: tuple(names) for card, names in row["fields"].items()},
        stages=tuple(Stage(**stage) for stage in row["stages"]),
        users=tuple(User(**user) for user in row["users"]),
        calendar=_calendar(row.get("calendar")),  # rows of older versions have none
    )


def _calendar(row: Mapping[str, Any] | None) -> CompanyCalendar | None:
    lists = ("days_off", "holidays", "workdays")
    return CompanyCalendar(**{**row, **{name: tuple(row[name]) for name in lists}}) if row else None
