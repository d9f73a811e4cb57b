"""`app.py doctor`: is everything connected, and what can this way of connecting not do; `--fix` mends what it can."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime
from typing import Final

from connector.checking import unmapped
from connector.crm.port import PORTAL_CLOCK, Crm, Finding
from connector.errors import CrmError, Refused, SettingsError
from connector.opening import Opened
from connector.pacing import PortalPacer
from connector.portal_files import PortalFiles, load_portal_files
from connector.portal_map import against_directory
from connector.texts import say
from rules.texts import Lang

FINE: Final = 0
PROBLEMS: Final = 1
UNREACHABLE: Final = 3

ALARMS: Final = {
    "install.refused": "alarm-install-refused",
    "install.other_user": "alarm-install-other-user",
    "facts-vanished": "alarm-facts-vanished",
    "install.removed": "alarm-install-removed",
    "hooks.lost": "alarm-hooks-lost",
    "hooks.not_bound": "alarm-hooks-not-bound",
}
"""Lines of the audit that somebody should know of, and how they are told."""
CLOCK_SECONDS: Final = 60.0
"""More than this between our clock and the portal's, and touches come at other moments than the regulation says."""
LAST: Final = 200
"""Lines of the audit that are looked through."""
TOLD: Final = 3
"""Alarms that are told, the newest."""


class Doctor:
    """Looks at portals and gathers lines for a person. `code` is the exit code of what was seen so far."""

    def __init__(self, opened: Opened, lang: Lang, *, fix: bool) -> None:
        self._opened = opened
        self._lang = lang
        self._fix = fix
        self.code = FINE

    def look(self, portal: str | None) -> Iterator[str]:
        """Lines about one portal or about all.

        Raises SettingsError for a portal that is not in the settings.
        """
        known = self._opened.settings.portals
        if portal is not None and portal not in known:
            raise SettingsError([say("unknown-portal", portal=portal, known=", ".join(known))])
        yield from self._tell(self._own())
        for name in [portal] if portal is not None else known:
            yield self._say("doctor-portal", portal=name, way=self._say(self._way(name)))
            yield from self._tell(self._of_tables(name))
            yield from self._of_crm(name)

    def _say(self, code: str, **given: object) -> str:
        return say(code, self._lang, **given)

    def _way(self, name: str) -> str:
        portal = self._opened.settings.portals[name]
        if portal.crm == "amocrm":
            return "way-amocrm-app" if portal.is_app else "way-amocrm"
        return "way-app" if portal.is_app else "way-webhooks"

    def _tell(self, findings: Iterable[Finding]) -> Iterator[str]:
        for finding in map(self._timed, findings):
            if finding.severity == "problem" and self.code == FINE:
                self.code = PROBLEMS
            yield self._line(finding.severity, self._say(finding.code, **finding.given))

    def _timed(self, finding: Finding) -> Finding:
        """The portal's clock beside ours."""
        if finding.code != PORTAL_CLOCK:
            return finding
        seconds = abs((self._opened.clock() - datetime.fromisoformat(finding.given["at"])).total_seconds())
        if seconds < CLOCK_SECONDS:
            return Finding(code="clock-right", severity="fine")
        return Finding(code="clock-off", given={"seconds": f"{seconds:.0f}"})

    def _line(self, severity: str, text: str) -> str:
        return f"  {self._say(f'doctor-{severity}')}: {text}"

    def _own(self) -> Iterator[Finding]:
        """What belongs to no portal."""
        path = self._opened.settings.key_path()
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding(code="key-open", given={"path": str(path)})

    def _of_tables(self, name: str) -> Iterator[Finding]:
        """What our own tables tell."""
        store = self._opened.store
        row, install = store.portal(name), store.installation(name)
        if not self._opened.portals.installed(name):
            yield Finding(code=self._opened.portals.kind(name).not_installed, given={"portal": name})
        elif row is not None and row.problem is not None:
            yield Finding(code="doctor-parked", given={"why": row.problem})
        signs = self._opened.settings.portals[name].crm == "bitrix24"
        if signs and install is not None and install.alive and not install.application_token:
            yield Finding(code="no-hook-secret")
        if dead := store.counts(name)["effects_dead"]:
            last = store.dead_effects(name, 1)[0]
            yield Finding(code="doctor-dead", given={"count": str(dead), "why": f"{last.code} {last.text}".strip()})
        alarms = [line for line in store.audit(name, LAST) if line.what in ALARMS]
        for line in alarms[:TOLD]:
            told = line.details.get("why") or ", ".join(line.details.get("events", ())) or line.about
            at = f"{line.at:%Y-%m-%d %H:%M} UTC"
            yield Finding(code=ALARMS[line.what], given={"at": at, "about": str(told)}, severity="note")

    def _of_crm(self, name: str) -> Iterator[str]:
        """What the CRM tells. One that cannot be reached is a line, and the others are looked at all the same."""
        if not self._opened.portals.installed(name):
            return
        settings, store = self._opened.settings, self._opened.store
        files = load_portal_files(settings, name)
        try:
            with closing(self._opened.portals.open(name, PortalPacer(store, name), files.mapped)) as crm:
                if self._fix:
                    yield from self._mend(name, crm)
                yield from self._tell(crm.examine(settings.hook_url(name)))
                yield from self._of_map(name, crm, files)
        except CrmError as error:
            self.code = UNREACHABLE
            text = self._say("crm-unreachable", portal=name, why=error.text)
            yield self._line(
                "problem", f"{text} {self._say(error.advice, portal=name) if error.advice else ''}".strip()
            )

    def _mend(self, name: str, crm: Crm) -> Iterator[str]:
        hook_url = self._opened.settings.hook_url(name)
        with suppress(Refused):  # the examination tells which right is missing
            crm.prepare()
        try:
            lost: Sequence[str] = crm.lost_hooks(hook_url) if hook_url else ()
            if hook_url and lost:
                crm.bind_hooks(hook_url)
                yield self._line("fine", self._say("doctor-bound", events=", ".join(lost)))
        except Refused:  # a matter of rights or of the plan; the examination tells which
            return

    def _of_map(self, name: str, crm: Crm, files: PortalFiles) -> Iterator[str]:
        for line in files.missing:
            self.code = self.code or PROBLEMS
            yield self._line("problem", line)
        if files.problems:
            yield from self._tell([Finding(code="doctor-files", given={"count": str(len(files.problems))})])
        if files.mapped is None:
            return
        shown = f"{self._opened.settings.portals_folder}/{name}/portal.yaml"
        for line in against_directory(files.mapped, crm.directory(), shown, self._lang):
            self.code = self.code or PROBLEMS
            yield self._line("problem", line)
        empty = unmapped(files.mapped, files.template)
        if empty:
            yield from self._tell(
                [Finding(code="doctor-unmapped", given={"fields": ", ".join(empty)}, severity="note")]
            )
