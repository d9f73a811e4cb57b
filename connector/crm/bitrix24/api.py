"""Bitrix24's REST as a language: commands in, judged answers out. Everything travels in `batch`, 50 commands at most.

Sources: facts/bitrix24.md 2.2-2.6; what an error means is the table in `refusals`. An application's token that ended
in the middle of a batch is renewed once, and only the commands that it stopped are sent again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from connector.crm.bitrix24.door import REDIRECTS, Door
from connector.crm.bitrix24.operating import Operating, moment, number
from connector.crm.bitrix24.refusals import EXPIRED, RAN_TOO_LONG, TOO_FAST, Judge, code_and_text
from connector.crm.http import Reply, Session
from connector.crm.port import Connection, Pacer, Tokens
from connector.errors import Blocked, CrmError, Throttled

BATCH_LIMIT: Final = 50
"""Commands in one batch; also the rows of one page."""
CONNECTOR: Final = "kasanie"
"""What our own writes name themselves, so that they do not come back as queued events (1.7)."""
TOO_FAST_WAIT: Final = 0.5
"""Seconds to leave a portal alone when it says "too fast" (its bucket leaks 2 requests a second); doubled each time."""
TOO_FAST_LONGEST: Final = 30.0
QUIET_SECONDS: Final = 10.0
_NO_ADDRESS: Final = frozenset({401, 403, 404, 410})
_TOO_MANY: Final = 429
_POSITIONAL: Final = "task."
"""Old methods that count their parameters (2.1)."""
_REFERENCE: Final = re.compile(r"\$result((?:\[[^\[\]]+\])+)")


@dataclass(frozen=True, slots=True)
class Command:
    """One call inside a batch. Flags travel as Y and N; None cannot travel at all and is left out."""

    method: str
    params: Mapping[str, Any]

    def line(self) -> str:
        """`method?query`, the query percent-encoded as PHP's http_build_query does."""
        return self.method + "?" + "&".join(f"{quote(key, safe='')}={quote(text)}" for key, text in _flat(self.params))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one command."""

    result: Any = None
    error: CrmError | None = None
    seconds: float | None = None
    """How long it ran."""
    silent: bool = False
    """The portal said nothing about it (a throttled batch loses parts); `error` says so, too."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A batch's answers by key. A command that the portal said nothing about has an error here."""

    by_key: Mapping[str, Answer]
    at: datetime | None
    """The portal's own clock when the batch began, UTC."""


class Api:
    """The REST of one portal. Safe to use from several threads."""

    def __init__(self, session: Session, connection: Connection, pacer: Pacer) -> None:
        self._door = Door(session, connection)
        self._judge = Judge(connection.portal, app=connection.app is not None)
        self._pacer = pacer
        self._refused_in_a_row = 0
        self._answered = -QUIET_SECONDS
        self.operating = Operating()

    @property
    def long_quiet(self) -> bool:
        """Nothing was answered for a while: somebody else may have used up what the portal allows meanwhile."""
        return time.monotonic() - self._answered >= QUIET_SECONDS

    def batch(self, commands: Mapping[str, Command], *, writing: bool, named: bool = False) -> Answers:
        """Run up to 50 commands in one request; each is judged for itself.

        `writing` says whether a lost answer leaves a doubt, `named` that the writes say they are ours, so that they do
        not come back as queued events. Raises CrmError when the request as a whole failed.
        """
        if named:
            commands = {key: _named(command) for key, command in commands.items()}
        more = {"auth_connector": CONNECTOR} if named else {}
        assert len(commands) <= BATCH_LIMIT
        tokens = self._door.tokens()
        try:
            answers = self._request(commands, tokens, more, writing=writing)
        except Blocked as error:
            if tokens is None or not _expired(error):
                raise
            return self._request(commands, self._door.renew(tokens), more, writing=writing)
        stopped = [key for key, answer in answers.by_key.items() if _expired(answer.error)]
        if tokens is None or not stopped:
            return answers
        try:
            rest = _rest(stopped, commands, answers)
            again = self._request(rest, self._door.renew(tokens), more, writing=writing).by_key
        except CrmError as error:
            again = dict.fromkeys(stopped, Answer(error=error))
        return Answers({**answers.by_key, **again}, answers.at)

    def _request(
        self, commands: Mapping[str, Command], tokens: Tokens | None, more: Mapping[str, Any], *, writing: bool
    ) -> Answers:
        asked = {"halt": 0, "cmd": {key: command.line() for key, command in commands.items()}, **more}
        reply = self._door.post("batch", asked, tokens)
        error = self._error_of(reply, writing=writing)
        if error is not None:
            if isinstance(error, Throttled):
                self._pacer.push_back(error.wait)
            raise error
        self._refused_in_a_row = 0
        self._answered = time.monotonic()
        outer = reply.json["result"]
        results, errors, times = (_map(outer.get(name)) for name in ("result", "result_error", "result_time"))
        self.operating.learn((command.method, _map(times.get(key))) for key, command in commands.items())
        by_key: dict[str, Answer] = {}
        for key, command in commands.items():
            if key in errors:
                by_key[key] = Answer(error=self._command_error(command.method, errors[key], writing=writing))
            elif key in results:
                by_key[key] = Answer(result=results[key], seconds=number(_map(times.get(key)).get("duration")))
            else:
                silence = self._judge.silence("the answer lacks this command", command.method, writing=writing)
                by_key[key] = Answer(error=silence, silent=True)
        return Answers(by_key, _beginning(_map(reply.json.get("time"))))

    def _command_error(self, method: str, told: Any, *, writing: bool) -> CrmError:
        """The error of one command, judged by its code."""
        wait = self.operating.refused(method) if code_and_text(told)[0].lower() == RAN_TOO_LONG else 0.0
        return self._judge.error(told, method, whole=False, writing=writing, wait=wait)

    def _error_of(self, reply: Reply, *, writing: bool) -> CrmError | None:
        """The error of the request as a whole, or None."""
        told = reply.json if isinstance(reply.json, dict) else {}
        if "error" in told:
            wait = self._too_fast() if code_and_text(told)[0].lower() == TOO_FAST else 0.0
            return self._judge.error(told, "batch", whole=True, status=reply.status, writing=writing, wait=wait)
        if reply.status in REDIRECTS:
            return self._judge.elsewhere("batch")
        if reply.status in _NO_ADDRESS:
            return self._judge.closed(reply.status, "batch")
        if reply.status == _TOO_MANY:
            return self._judge.too_much(reply.status, "batch")
        if reply.status != 200 or not isinstance(told.get("result"), dict):
            text = f"no usable answer (HTTP {reply.status})"
            return self._judge.silence(text, "batch", reply.status, writing=writing)
        return None

    def _too_fast(self) -> float:
        """The portal was asked too often, perhaps by somebody else from our address: seconds to leave it alone."""
        wait = min(TOO_FAST_WAIT * 2.0**self._refused_in_a_row, TOO_FAST_LONGEST)
        self._refused_in_a_row = min(self._refused_in_a_row + 1, 10)
        return wait


def _expired(error: CrmError | None) -> bool:
    return isinstance(error, Blocked) and error.code.lower() == EXPIRED


def _rest(stopped: Iterable[str], commands: Mapping[str, Command], answers: Answers) -> dict[str, Command]:
    """The commands that an ended token stopped, which were surely not applied; the others' answers stand."""
    results = {key: answer.result for key, answer in answers.by_key.items() if answer.error is None}
    return {key: replace(commands[key], params=resolved(commands[key].params, results)) for key in stopped}


def _named(command: Command) -> Command:
    """A write that says it is ours; whether the batch's own word covers its commands is not documented."""
    if command.method.startswith(_POSITIONAL):
        return command
    return Command(command.method, {**command.params, "auth_connector": CONNECTOR})


def resolved(value: Any, results: Mapping[str, Any]) -> Any:
    """Parameters in which references to commands that were answered already are replaced by what they point to."""
    if isinstance(value, Mapping):
        return {key: resolved(one, results) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(one, results) for one in value]
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    key, *path = found[1][1:-1].split("][")
    if key not in results:
        return value
    target = results[key]
    for part in path:
        if isinstance(target, list) and part.isdecimal() and int(part) < len(target):
            target = target[int(part)]
        elif isinstance(target, dict) and part in target:
            target = target[part]
        else:
            return value
    return target


def _flat(params: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Keys in PHP's brackets, as deep as our own parameters are."""
    members: Iterable[tuple[Any, Any]] = params.items() if isinstance(params, Mapping) else enumerate(params)
    for name, value in members:
        key = f"{prefix}[{name}]" if prefix else str(name)
        if isinstance(value, Mapping | list | tuple):
            yield from _flat(value, key)
        elif value is not None:
            yield key, ("Y" if value else "N") if isinstance(value, bool) else str(value)


def _beginning(told: Mapping[str, Any]) -> datetime | None:
    """The portal's clock when it began to answer, told as text and as a number."""
    start = number(told.get("start"))
    return moment(told.get("date_start")) or (datetime.fromtimestamp(start, UTC) if start else None)


def _map(value: Any) -> Mapping[str, Any]:
    """PHP writes an empty map as `[]`."""
    return value if isinstance(value, dict) else {}
