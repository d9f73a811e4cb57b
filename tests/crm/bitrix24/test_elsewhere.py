"""Requisites and products: joined to their cards, read in few requests, and not at all where nothing names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from sandbox_fixture import Sandbox, run_sandbox

from connector.crm.bitrix24.adapter import Bitrix24
from connector.crm.bitrix24.api import Answer, Answers, Command
from connector.crm.bitrix24.elsewhere import joined, owners_of
from connector.crm.port import Connection, Fact, Wanted
from connector.errors import Refused, Unavailable
from crm.canned import FreePacer

WANTED = Wanted(
    company=("requisite.RQ_INN",), contact=("requisite.RQ_INN", "requisite.UF_CRM_SHOE"), deal=("products", "title")
)
Rows = list[dict[str, Any]]


class Portal:
    """Answers lists from rows, 50 at a time, and remembers what it was asked."""

    def __init__(self, requisites: Rows = [], products: Rows = [], error: Exception | None = None) -> None:  # noqa: B006  # never changed
        self._rows = {"crm.requisite.list": requisites, "crm.item.productrow.list": products}
        self._error = error
        self.batches: list[Mapping[str, Command]] = []

    def read(self, commands: Mapping[str, Command]) -> Answers:
        self.batches.append(commands)
        assert len(commands) <= 50
        return Answers({name: self._answer(command) for name, command in commands.items()}, None)

    def _answer(self, command: Command) -> Answer:
        if self._error is not None:
            return Answer(error=self._error)  # type: ignore[arg-type]  # a CrmError
        narrow, start = command.params["filter"], command.params["start"]
        owners = {str(one) for one in narrow.get("@ENTITY_ID", narrow.get("=ownerId", ()))}
        kind = str(narrow.get("ENTITY_TYPE_ID", ""))
        rows = [
            row
            for row in self._rows[command.method]
            if str(row.get("ENTITY_ID", row.get("ownerId"))) in owners and kind in ("", row.get("ENTITY_TYPE_ID"))
        ][start : start + 50]
        return Answer(result={"productRows": rows} if command.method.endswith("productrow.list") else rows)


def requisite(number: int, owner: int, inn: str | None, kind: int = 4, **more: str) -> dict[str, Any]:
    row = {"ID": str(number), "ENTITY_TYPE_ID": str(kind), "ENTITY_ID": str(owner), "ACTIVE": "Y", "ADDRESS_ONLY": "N"}
    return {**row, "SORT": "500", "RQ_INN": inn, **more}


def values(portal: Portal, cards: Sequence[tuple[Any, Rows]], wanted: Wanted = WANTED) -> dict[str, Any]:
    """What was joined, by card."""
    found = joined(cards, wanted, portal.read)
    return {
        f"{kind}:{row['id']}": {name: value for name, value in row.items() if name not in ("id", "title")}
        for kind, rows in found
        for row in rows
    }


CHOICES: list[tuple[str, Rows, dict[str, Any]]] = [
    ("none", [], {"requisite.RQ_INN": None}),
    ("one", [requisite(3, 45, "7701")], {"requisite.RQ_INN": "7701"}),
    ("lower-sort", [requisite(3, 45, "1"), requisite(4, 45, "2", SORT="100")], {"requisite.RQ_INN": "2"}),
    ("lower-id", [requisite(10, 45, "1"), requisite(9, 45, "2")], {"requisite.RQ_INN": "2"}),
    ("active-first", [requisite(3, 45, "1", ACTIVE="N"), requisite(4, 45, "2")], {"requisite.RQ_INN": "2"}),
    ("only-inactive", [requisite(3, 45, "1", ACTIVE="N")], {"requisite.RQ_INN": "1"}),
    ("address-only", [requisite(3, 45, "1", ADDRESS_ONLY="Y")], {"requisite.RQ_INN": None}),
    ("never-mixed", [requisite(3, 45, None), requisite(4, 45, "2")], {"requisite.RQ_INN": None}),
    ("of-a-contact", [requisite(3, 45, "1", kind=3)], {"requisite.RQ_INN": None}),
]


@pytest.mark.parametrize(("rows", "expected"), [case[1:] for case in CHOICES], ids=[case[0] for case in CHOICES])
def test_of_several_requisites_the_first_counts_as_a_whole(rows: Rows, expected: dict[str, Any]) -> None:
    assert values(Portal(rows), [("company", [{"id": 45}])]) == {"company:45": expected}


def test_every_card_gets_its_own_and_other_rows_stay_as_they_are() -> None:
    portal = Portal(
        [requisite(1, 45, "45"), requisite(2, 9, "9", kind=3, UF_CRM_SHOE="43")],
        [{"id": n, "ownerId": 7, "ownerType": "D", "productName": name} for n, name in enumerate("абв")],
    )
    cards: list[tuple[Any, Rows]] = [
        ("company", [{"id": 45}, {"id": 46}]),
        ("contact", [{"id": 9}]),
        ("deal", [{"id": 7}, {"id": 8}]),
        ("signal", [{"id": "45"}]),
    ]
    assert values(portal, cards) == {
        "company:45": {"requisite.RQ_INN": "45"},
        "company:46": {"requisite.RQ_INN": None},
        "contact:9": {"requisite.RQ_INN": "9", "requisite.UF_CRM_SHOE": "43"},
        "deal:7": {"products": ["а", "б", "в"]},
        "deal:8": {"products": []},
        "signal:45": {},
    }
    assert len(portal.batches) == 1


def test_many_cards_take_few_requests_and_long_lists_are_read_to_their_end() -> None:
    products = [
        {"id": 1000 * deal + n, "ownerId": deal, "ownerType": "D", "productName": f"{deal}/{n}"}
        for deal in range(1, 101)
        for n in range(3)
    ]
    portal = Portal(products=products)
    found = values(portal, [("deal", [{"id": number} for number in range(1, 101)])])
    assert all(found[f"deal:{n}"]["products"] == [f"{n}/0", f"{n}/1", f"{n}/2"] for n in range(1, 101))
    assert len(portal.batches) == 4, "two lists of 150 rows side by side, and the look behind their full last pages"
    many = Portal()
    values(many, [("company", [{"id": number} for number in range(1, 2501)])])
    assert [len(batch) for batch in many.batches] == [50]


def test_nothing_is_read_where_nothing_is_wanted() -> None:
    portal = Portal()
    cards: list[tuple[Any, Rows]] = [("company", [{"id": 45}]), ("contact", [{"id": 9}]), ("deal", [{"id": 7}])]
    assert values(portal, cards, Wanted(company=("UF_CRM_X",))) == {"company:45": {}, "contact:9": {}, "deal:7": {}}
    assert values(portal, [("company", [])]) == {}
    assert owners_of(["requisite:3"], Wanted(company=("UF_CRM_X",)), portal.read) == set()
    assert portal.batches == []


def test_what_may_not_be_read_is_left_out_and_what_fails_is_an_error() -> None:
    refused = Portal(error=Refused("Access denied.", code="0"))
    assert values(refused, [("company", [{"id": 45}])]) == {"company:45": {}}
    with pytest.raises(Unavailable):
        values(Portal(error=Unavailable("?")), [("company", [{"id": 45}])])


# on a whole portal


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(crm="bitrix24", clients=8, rate=0, burst=10_000) as running:
        yield running


@contextmanager
def connected(sandbox: Sandbox, wanted: Wanted) -> Iterator[Bitrix24]:
    told = sandbox.portals[0]
    crm = Bitrix24(Connection(portal=told["name"], url=SecretStr(told["rest_url"]), wanted=wanted), FreePacer())
    yield crm
    crm.close()


def pulled(crm: Bitrix24, cursors: dict[str, str], *named: str) -> dict[str, Fact]:
    """The facts of a pull, with the cursors moved in place; every named ref must be answered."""
    facts: dict[str, Fact] = {}
    answered: set[str] = set()
    for page in crm.pull(dict(cursors), named):
        facts |= {fact.ref: fact for fact in page.facts}
        cursors |= page.cursors
        answered |= page.answered
    assert answered >= set(named)
    return facts


def inn(fact: Fact) -> Any:
    return fact.body["fields"]["requisite.RQ_INN"]


def test_a_changed_requisite_reaches_its_card_by_its_event_and_without_one(sandbox: Sandbox) -> None:
    made = sandbox.post("companies", {"title": "Реквизиты", "owner": 2})
    card, company = f"company:{made['id']}", made["id"]
    with connected(sandbox, Wanted(company=("requisite.RQ_INN",))) as crm:
        cursors: dict[str, str] = {}
        facts = pulled(crm, cursors)
        assert sum(1 for fact in facts.values() if fact.kind == "company" and inn(fact)) > 0
        sandbox.advance("1 hour")
        pulled(crm, cursors)
        first = sandbox.post("requisites", {"company": company, "fields": {"RQ_INN": "7707083893"}})
        by_event = pulled(crm, dict(cursors), f"requisite:{first['id']}")
        assert inn(by_event[card]) == "7707083893"
        assert inn(pulled(crm, cursors)[card]) == "7707083893", "the feeds know it without the event"
        for _ in range(2):  # the first one still reads the overlap
            sandbox.advance("1 hour")
            calm = pulled(crm, cursors)
        assert card not in calm
        assert inn(pulled(crm, cursors, f"requisite:{first['id']}")[card]) == "7707083893", (
            "named, it leads to its card"
        )
        sandbox.post("requisites", {"company": company, "fields": {"RQ_INN": "500100732259"}})
        assert inn(pulled(crm, cursors)[card]) == "500100732259"
        assert pulled(crm, cursors, "requisite:99999"), "one that is gone is answered all the same"


def test_a_named_card_comes_with_its_requisites_and_products(sandbox: Sandbox) -> None:
    made = sandbox.post("companies", {"title": "Названная", "owner": 2})
    deal = sandbox.post("deals", {"title": "Товары", "company": made["id"], "amount": 10})["ids"][0]
    sandbox.post("requisites", {"company": made["id"], "fields": {"RQ_INN": "7707083893"}})
    rows = [{"name": name, "price": 10, "quantity": 2} for name in ("Болт М6", "Гайка М6", "Болт М6")]
    sandbox.post("products", {"deal": deal, "rows": rows})
    with connected(sandbox, Wanted(company=("requisite.RQ_INN",), deal=("products",))) as crm:
        cursors: dict[str, str] = {}
        pulled(crm, cursors)
        sandbox.advance("1 hour")
        pulled(crm, cursors)
        facts = pulled(crm, cursors, f"company:{made['id']}", f"deal:{deal}")
    assert inn(facts[f"company:{made['id']}"]) == "7707083893"
    assert facts[f"deal:{deal}"].body["fields"]["products"] == ["Болт М6", "Гайка М6"]


def test_a_portal_whose_map_names_none_is_never_asked_for_them(sandbox: Sandbox) -> None:
    with connected(sandbox, Wanted(company=("UF_CRM_SEGMENT",))) as crm:
        cursors: dict[str, str] = {}
        facts = pulled(crm, cursors)
        before = len(sandbox.ledger()["requests"])
        pulled(crm, cursors, "requisite:1")
        assert len(sandbox.ledger()["requests"]) - before == 1, "the feeds; the requisite is nobody's business"
    assert all("requisite.RQ_INN" not in fact.body.get("fields", {}) for fact in facts.values())


def test_the_directory_names_what_may_be_mapped(sandbox: Sandbox) -> None:
    with connected(sandbox, Wanted()) as crm:
        fields = crm.directory().fields
    assert "requisite.RQ_INN" in fields["company"]
    assert "requisite.RQ_INN" in fields["contact"]
    assert "products" in fields["deal"]
    assert not [name for name in fields["deal"] if name.startswith("requisite.")]
