"""One subject (a deal, a client or a contact) at one moment, with everything derived that conditions and anchors ask.

Derived facts are computed once and kept: a `Case` lives for one call of `assess`. Facts dated later than `now` do not
exist yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from rules.conditions import judge_all
from rules.dossier import changes_at, score
from rules.facts import OPEN_PHASES, UNKNOWN, Contact, Deal, Signal, Snapshot, Unknown
from rules.proof import Touch, touches
from rules.roles import holder, holders
from rules.states import Standing, cycle_of, segment_of, standing_between_deals
from rules.visits import Visit, present_visit, visits

if TYPE_CHECKING:
    from rules.assessment import DossierScore
    from rules.regulation import Regulation
    from rules.texts import Lang


@dataclass
class Case:
    """A subject with its client. `deal` and `contact` are set for rules about them."""

    regulation: Regulation
    snapshot: Snapshot
    now: datetime
    deal: Deal | None = None
    contact: Contact | None = None
    client_case: Case | None = None
    """The case of the client itself, so that what all its subjects share is derived once."""
    lang: Lang = "ru"

    @property
    def subject(self) -> str:
        """`deal:7`, `company:45`, `contact:9`."""
        if self.deal is not None:
            return f"deal:{self.deal.id}"
        return f"contact:{self.contact.id}" if self.contact is not None else self.snapshot.client.id

    @cached_property
    def today(self) -> date:
        """The portal's date."""
        return self.day_of(self.now)

    def day_of(self, moment: datetime) -> date:
        """The portal's date of a moment."""
        return moment.astimezone(self.snapshot.portal.zone).date()

    def start_of(self, day: date) -> datetime:
        """Midnight at which a portal's date begins, in UTC."""
        return datetime.combine(day, time(), self.snapshot.portal.zone).astimezone(UTC)

    @property
    def midnight(self) -> datetime:
        """The start of the portal's next date, aware: when `today` changes."""
        return self.start_of(self.today + timedelta(days=1))

    @cached_property
    def _client(self) -> Case:
        return self.client_case or self

    # the client's deals
    @cached_property
    def deals(self) -> tuple[Deal, ...]:
        """The client's deals that exist, oldest first."""
        known = (deal for deal in self.snapshot.deals if not deal.deleted and deal.created_at <= self.now)
        return tuple(sorted(known, key=lambda deal: (deal.created_at, deal.id)))

    @cached_property
    def open_deals(self) -> tuple[Deal, ...]:
        """Deals in an open phase; an unmapped stage is open too, the CRM itself tells won and lost."""
        return tuple(deal for deal in self._client.deals if deal.phase is None or deal.phase in OPEN_PHASES)

    @cached_property
    def won_moments(self) -> dict[str, datetime | Unknown]:
        """Won deals that count as sales: deal id -> when it was won."""
        if self.client_case is not None:
            return self.client_case.won_moments
        return {deal.id: self._won_at(deal) for deal in self.deals if deal.phase == "won" and deal.sale}

    def _won_at(self, deal: Deal) -> datetime | Unknown:
        visit = self._present(deal)
        if isinstance(visit, Visit):
            return visit.start
        return deal.paid_at if isinstance(deal.paid_at, datetime) else UNKNOWN

    @cached_property
    def won_deals(self) -> tuple[Deal, ...]:
        """Won deals that count as sales, oldest first."""
        moments = self.won_moments

        def won_at(deal: Deal) -> datetime:
            moment = moments[deal.id]
            return moment if isinstance(moment, datetime) else deal.created_at

        return tuple(sorted((deal for deal in self._client.deals if deal.id in moments), key=won_at))

    @cached_property
    def last_won(self) -> tuple[Deal, datetime] | Unknown | None:
        """The latest won deal and when it was won; unknown when one of the won deals does not tell its day."""
        known = [(deal, self.won_moments[deal.id]) for deal in self.won_deals]
        if not known:
            return None
        told = [(deal, moment) for deal, moment in known if isinstance(moment, datetime)]
        return told[-1] if len(told) == len(known) else UNKNOWN

    # where the client stands
    @cached_property
    def segment(self) -> str | Unknown | None:
        """The client's segment: A, B or C."""
        return segment_of(self.snapshot.client, self.regulation.segments)

    @cached_property
    def cycle_days(self) -> int:
        """The client's purchase cycle in whole days."""
        won = [self.day_of(moment) for moment in self.won_moments.values() if isinstance(moment, datetime)]
        return cycle_of(self.snapshot.client, won, self.segment, self.regulation)

    @cached_property
    def standing(self) -> Standing | Unknown:
        """The client's state, since when and until when."""
        if self.client_case is not None:
            return self.client_case.standing
        if self.open_deals:
            return Standing("active", self.day_of(self.open_deals[0].created_at))
        if self.last_won is None:
            return Standing("prospect", self.day_of(self.snapshot.client.created_at))
        if isinstance(self.last_won, Unknown):
            return UNKNOWN
        day = self.day_of(self.last_won[1])
        return standing_between_deals(day, self.today, self.cycle_days, self.regulation.states)

    @property
    def state(self) -> str | Unknown:
        """The client's state (facts.STATES)."""
        return UNKNOWN if isinstance(self.standing, Unknown) else self.standing.state

    @property
    def state_until(self) -> datetime | None:
        """When the state changes by time alone."""
        if isinstance(self.standing, Unknown) or self.standing.until is None:
            return None
        return self.start_of(self.standing.until)

    @cached_property
    def nps(self) -> int | Unknown | None:
        """The latest registered score, not later than now."""
        scores = self.snapshot.client.nps
        if isinstance(scores, Unknown):
            return UNKNOWN
        latest = max((one for one in scores if one.at <= self.now), key=lambda one: one.at, default=None)
        return latest.score if latest is not None else None

    @cached_property
    def handed_over(self) -> bool | Unknown:
        """The client's manager holds the role project_manager or development."""
        manager = self.snapshot.client.client_manager or self.snapshot.client.owner
        portal = self.snapshot.portal
        return manager in holders("project_manager", portal) or manager in holders("development", portal)

    def is_held(self, role: str) -> bool:
        """Whether an active person of the portal holds this role."""
        return bool(holders(role, self.snapshot.portal)) or holder(role, self) is not None

    def means(self, word: str) -> bool | None:
        """Whether the client is `regular` or `key` as the file defines them; None: unknown."""
        meaning = self.regulation.means.get(word)
        return False if meaning is None else judge_all(meaning, self._client).holds

    # the dossier
    @cached_property
    def dossier_score(self) -> DossierScore | None:
        """The client's dossier by the regulation's template; `None` without one."""
        if self.client_case is not None:
            return self.client_case.dossier_score
        if self.regulation.dossier is None:
            return None
        local = self.now.astimezone(self.snapshot.portal.zone)
        return score(self.regulation.dossier, self.snapshot.client.dossier, local, self.lang)

    @property
    def dossier_fill(self) -> Decimal | Unknown:
        """Filled share, 0..1; unknown without a template, or when a field could not be read."""
        counted = self.dossier_score
        if counted is None or counted.unreadable or not counted.total:
            return UNKNOWN
        return Decimal(counted.filled) / counted.total

    @property
    def dossier_expired(self) -> int | Unknown:
        """How many fields of the dossier are filled but expired."""
        return UNKNOWN if self.dossier_score is None else len(self.dossier_score.expired)

    @cached_property
    def dossier_until(self) -> datetime | None:
        """When the next field of the dossier expires by time alone."""
        if self.regulation.dossier is None:
            return None
        local = self.now.astimezone(self.snapshot.portal.zone)
        return changes_at(self.regulation.dossier, self.snapshot.client.dossier, local)

    # the deal
    def _present(self, deal: Deal) -> Visit | Unknown | None:
        """The deal's present visit; unknown when the history is, or lags behind the deal itself."""
        if deal.phase is None:
            return None
        found = self._visits(deal)
        visit = None if isinstance(found, Unknown) else present_visit(found)
        return visit if visit is not None and visit.phase == deal.phase else UNKNOWN

    def _visits(self, deal: Deal) -> tuple[Visit, ...] | Unknown:
        if isinstance(deal.history, Unknown):
            return UNKNOWN
        told = [change for change in deal.history if change.at <= self.now]
        return visits(told, self.regulation.calendar, self.snapshot.portal.zone)

    @cached_property
    def visits(self) -> tuple[Visit, ...] | Unknown:
        """The deal's visits to its phases, oldest first."""
        assert self.deal is not None
        return self._visits(self.deal)

    @cached_property
    def visit(self) -> Visit | Unknown | None:
        """The deal's present visit; `None` where its stage has no phase."""
        assert self.deal is not None
        return self._present(self.deal)

    @property
    def phase_entered(self) -> datetime | Unknown | None:
        """Start of the deal's present visit to its phase, won and lost included; `None` without a phase."""
        return self.visit.start if isinstance(self.visit, Visit) else self.visit

    @cached_property
    def imported(self) -> bool | Unknown:
        """The deal is marked so, or was created over a day before its first history record."""
        assert self.deal is not None
        if self.deal.imported:
            return True
        if isinstance(self.deal.history, Unknown):
            return UNKNOWN
        first = min((change.at for change in self.deal.history), default=None)
        return first is not None and first - self.deal.created_at > timedelta(days=1)

    @cached_property
    def repeat(self) -> bool | Unknown:
        """The client has an earlier won deal that counts as a sale, in any pipeline."""
        assert self.deal is not None
        mine = self.won_moments.get(self.deal.id, self.now)
        others = {deal: moment for deal, moment in self.won_moments.items() if deal != self.deal.id}
        if isinstance(mine, Unknown):
            return UNKNOWN if others else False
        if any(isinstance(moment, datetime) and moment < mine for moment in others.values()):
            return True
        return UNKNOWN if UNKNOWN in others.values() else False

    @cached_property
    def last_deal(self) -> bool:
        """No other deal of the client is open or newer."""
        assert self.deal is not None
        others = [deal for deal in self._client.deals if deal.id != self.deal.id]
        open_ids = {deal.id for deal in self.open_deals}
        return not any(deal.id in open_ids or deal.created_at > self.deal.created_at for deal in others)

    # touches
    @cached_property
    def all_touches(self) -> tuple[Touch, ...]:
        """Contacts and attempts of the whole client, oldest first."""
        if self.client_case is not None:
            return self.client_case.all_touches
        return touches(self.snapshot.signals, self.regulation.proof, self.snapshot.portal.zone, self.now)

    def concerns(self, touch: Touch) -> bool:
        """Whose touch it is: a deal's own and those bound to no deal; a contact's own; a client's all."""
        if self.deal is not None:
            return touch.signal.deal in (None, self.deal.id)
        return self.contact is None or touch.signal.contact == self.contact.id

    @cached_property
    def touches(self) -> tuple[Touch, ...]:
        """The subject's contacts and attempts; a deal's begin with its creation."""
        since = self.deal.created_at if self.deal is not None else None
        return tuple(one for one in self.all_touches if self.concerns(one) and (since is None or one.at >= since))

    @property
    def attempts(self) -> int | Unknown:
        """Tries of ours since the deal's creation, successful or not."""
        return sum(1 for one in self.touches if not one.contact or one.signal.direction == "out")

    @property
    def touched(self) -> bool | Unknown:
        """A real contact since the deal's creation."""
        return any(one.contact for one in self.touches)

    @cached_property
    def last_touch(self) -> Signal | None:
        """The last contact that moves the subject's clock, not later than now."""
        return next((one.signal for one in reversed(self.touches) if one.contact), None)

    @cached_property
    def last_meeting(self) -> Signal | None:
        """The client's last completed meeting."""
        meetings = (one.signal for one in reversed(self.all_touches) if one.contact and one.signal.kind == "meeting")
        return next(meetings, None)
