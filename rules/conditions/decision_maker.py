"""`decision_maker`: the person is the client's main one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rules.conditions.kinds import CONTACT, Flag

if TYPE_CHECKING:
    from rules.case import Case
    from rules.facts import Unknown


def _main(case: Case) -> bool | Unknown:
    assert case.contact is not None
    return case.contact.main


CONDITION: Final = Flag("decision_maker", CONTACT, _main)
