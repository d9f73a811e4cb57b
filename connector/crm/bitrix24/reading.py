"""Reading with patience: a failed read is tried again, a batch that is too long is cut in two, several go side by side.

Only reads come here, so nothing is in doubt when an answer is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed, wait
from dataclasses import replace
from typing import Final

from connector.crm.bitrix24.api import Answer, Answers, Api, Command, resolved
from connector.crm.bitrix24.refusals import used_up
from connector.crm.bitrix24.runs import READ_SECONDS
from connector.crm.http import patiently
from connector.errors import CrmError, Unavailable

TOO_LONG: Final = frozenset({"ReadTimeout", "HTTP_504"})
"""How a request ends that the portal takes too long over (60 s, facts/bitrix24.md 2.5)."""


class Reader:
    """`feeds.PageReader` of one portal."""

    def __init__(self, api: Api, portal: str, threads: Executor) -> None:
        self._api = api
        self._portal = portal
        self._threads = threads

    def __call__(self, commands: Mapping[str, Command], /) -> Answers:
        """One batch, tried again while that can help. Raises CrmError."""
        try:
            return patiently(lambda: self._attempt(commands))
        except _TooLong as error:
            if len(commands) == 1:
                raise Unavailable(error.text, portal=error.portal, call=error.call, code=error.code) from None
        return self._in_halves(commands)

    def side_by_side(self, batches: Sequence[Mapping[str, Command]]) -> Iterator[tuple[int, Answers]]:
        """Several batches at once, in the order of their answers. Raises the first error when all are done."""
        if len(batches) == 1:
            yield 0, self(batches[0])
            return
        places: dict[Future[Answers], int] = {
            self._threads.submit(self, batch): place for place, batch in enumerate(batches)
        }
        failure: BaseException | None = None
        try:
            for future in as_completed(places):
                error = future.exception()
                failure = failure or error
                if error is None:
                    yield places[future], future.result()
        finally:
            wait(places)
        if failure is not None:
            raise failure

    def seconds(self, method: str) -> float | None:
        """How long one call takes."""
        return self._api.operating.seconds(method)

    def held_back(self, method: str) -> CrmError | None:
        """A method that has used up its execution time is left alone until a part of it is given back."""
        pause = self._api.operating.wait(method)
        return used_up(self._portal, pause, method) if pause else None

    def _attempt(self, commands: Mapping[str, Command]) -> Answers:
        try:
            answers = self._api.batch(commands, writing=False)
        except CrmError as error:
            if error.code not in TOO_LONG:
                raise
            methods = [command.method for command in commands.values()]
            self._api.operating.too_long(methods, READ_SECONDS * 2 / len(commands))
            raise _TooLong(error.text, portal=error.portal, call=error.call, code=error.code) from None
        first = next(iter(answers.by_key.values()), None)
        if first is not None and first.error is not None and all(one.silent for one in answers.by_key.values()):
            raise first.error  # throttled, it answers nothing at all
        return answers

    def _in_halves(self, commands: Mapping[str, Command]) -> Answers:
        """What took too long at once, in two requests; what hangs together is joined by what the first one brought."""
        names = list(commands)
        middle = len(names) // 2
        begun = self({name: commands[name] for name in names[:middle]})
        known = {name: answer.result for name, answer in begun.by_key.items() if answer.error is None}
        rest = {name: replace(commands[name], params=resolved(commands[name].params, known)) for name in names[middle:]}
        by_key: dict[str, Answer] = {**begun.by_key, **self(rest).by_key}
        return Answers(by_key, begun.at)


class _TooLong(CrmError):  # noqa: N818  # named by what became of the call
    """Not worth repeating as it is; never leaves this module."""
