"""Installed applications in the tables, on both databases: tenants apart, one lock, what a removal keeps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from store_rows import NOW, A, B, asked, fact, judged, with_portals

from connector.crm.port import Page
from connector.store import NewInstall, Store


def new(member: str = "member-1", **more: str) -> NewInstall:
    plain = {"application_token": "sealed-a", "access": "sealed-b", "refresh": "sealed-c", "host": "new.example.ru"}
    return NewInstall(
        member_id=member, seconds=3600, scope="crm", user_id="1", host_was="old.example.ru", **{**plain, **more}
    )


@pytest.fixture(autouse=True)
def portals(store: Store) -> None:
    with_portals(store)


def test_an_installation_belongs_to_its_portal_alone(store: Store) -> None:
    assert store.save_install(A, new(), NOW)
    row = store.installation(A)
    assert row is not None
    assert (row.member_id, row.generation, row.alive, row.locked, row.refused) == ("member-1", 1, True, False, False)
    assert row.installed_at == NOW
    assert store.installation(B) is None
    store.remove_install(B, NOW, clean=True)
    store.save_application_token(B, "sealed-x")
    store.hooks_seen(B)
    assert store.installation(A) == row
    assert store.hooks_due(A)
    assert not store.hooks_due(B)
    assert (store.lock_tokens(B, "me", 9), store.save_tokens(B, "me", "x", "y", 9)) == (False, False)


def test_a_bound_portal_takes_no_other_account(store: Store) -> None:
    store.learn_account(A, "member-1")
    assert not store.save_install(A, new("member-2"), NOW)
    assert store.installation(A) is None
    assert store.save_install(A, new("member-1"), NOW)
    assert not store.save_install("unknown", new(), NOW)


def test_one_renews_and_the_others_wait(store: Store) -> None:
    store.save_install(A, new(), NOW)
    assert store.lock_tokens(A, "me", 30)
    assert not store.lock_tokens(A, "you", 30)
    row = store.installation(A)
    assert row is not None
    assert row.locked
    assert not store.save_tokens(A, "you", "x", "y", 9)
    store.free_tokens(A, "you", refused=True)
    assert store.save_tokens(A, "me", "sealed-d", "sealed-e", 3600)
    row = store.installation(A)
    assert row is not None
    assert (row.access, row.refresh, row.generation) == ("sealed-d", "sealed-e", 2)
    assert (row.locked, row.refused) == (False, False)
    assert not store.save_tokens(A, "me", "late", "late", 9)


def test_a_lock_ends_by_itself_and_a_reinstallation_breaks_it(store: Store) -> None:
    store.save_install(A, new(), NOW)
    assert store.lock_tokens(A, "dead", 0)
    assert store.lock_tokens(A, "me", 30)
    assert store.save_install(A, new(access="sealed-n"), NOW)
    assert not store.save_tokens(A, "me", "x", "y", 9)
    row = store.installation(A)
    assert row is not None
    assert (row.access, row.generation, row.locked) == ("sealed-n", 2, False)


def test_a_refusal_is_remembered_until_new_tokens_come(store: Store) -> None:
    store.save_install(A, new(), NOW)
    store.lock_tokens(A, "me", 30)
    store.free_tokens(A, "me", refused=True)
    row = store.installation(A)
    assert row is not None
    assert (row.refused, row.refused_lately) == (True, True)
    store.save_install(A, new(), NOW)
    row = store.installation(A)
    assert row is not None
    assert not row.refused


def test_subscriptions_are_looked_at_again(store: Store) -> None:
    store.save_install(A, new(), NOW)
    row = store.installation(A)
    assert row is not None
    assert row.hooks_new
    store.reconciled(A, datetime(2100, 1, 1, tzinfo=UTC))
    store.reconcile_due(A, NOW)
    store.reconciled(A, datetime(2100, 1, 1, tzinfo=UTC))
    assert A in store.ring_due(NOW, hold=0)  # though nothing else of it is undone
    store.hooks_seen(A)
    assert not store.hooks_due(A)
    assert A not in store.ring_due(NOW, hold=0)
    store.save_application_token(A, "sealed-u")
    assert store.hooks_due(A)


def test_a_removal_keeps_what_was_promised_and_forgets_what_was_read(store: Store) -> None:
    for name in (A, B):
        store.save_install(name, new(), NOW)
        store.save_page(name, Page(facts=(fact("company", "1", title="ООО"),), cursors={"company": "9"}), NOW)
        store.mark_clients(name, ["company:1"])
        store.record(name, [judged(asked())], NOW)
        store.save_directory(name, "Europe/Moscow", {"zone": "Europe/Moscow"}, NOW)
        store.note(name, "install.done", "member-1", {}, NOW)
    other = store.facts(B, ["company:1"])

    store.remove_install(A, NOW, clean=True)
    row = store.installation(A)
    assert row is not None
    assert (row.access, row.refresh, row.application_token, row.clean) == ("", "", "", True)
    assert len(store.facts(A, ["company:1"])) == 1  # the lane's holder forgets them, nobody stores meanwhile

    store.forget_portal(A)
    assert (store.facts(A, ["company:1"]), store.cursors(A), store.clients(A), store.verdicts(A, "company:1")) == (
        [],
        {},
        [],
        [],
    )
    portal, row = store.portal(A), store.installation(A)
    assert portal is not None
    assert row is not None
    assert (portal.directory, portal.account, row.clean) == (None, "member-1", False)
    assert len(store.ledger(A)) == 1
    assert [line.what for line in store.audit(A, 9)] == ["install.done"]
    assert store.facts(B, ["company:1"]) == other
    assert store.cursors(B) == {"company": "9"}
    assert len(store.sealed_secrets()) == 3


def test_what_is_sealed_is_sealed_anew_all_or_nothing(store: Store) -> None:
    store.save_install(A, new(), NOW)
    store.save_install(B, new("member-2", application_token=""), NOW)
    assert store.reseal(lambda sealed: f"{sealed}+") == 5
    assert sorted(store.sealed_secrets()) == ["sealed-a+", "sealed-b+", "sealed-b+", "sealed-c+", "sealed-c+"]

    def broken(sealed: str) -> str:
        if sealed.startswith("sealed-c"):
            raise ValueError(sealed)
        return "lost"

    with pytest.raises(ValueError, match="sealed-c"):
        store.reseal(broken)
    assert "lost" not in store.sealed_secrets()


def test_a_moved_portal_and_a_forgotten_directory(store: Store) -> None:
    store.save_directory(A, "Europe/Moscow", {"zone": "Europe/Moscow"}, NOW)
    store.reconciled(A, datetime(2100, 1, 1, tzinfo=UTC))
    store.moved(A, "new.bitrix24.ru", "old.bitrix24.ru")
    store.forget_directory(A)
    portal = store.portal(A)
    assert portal is not None
    assert (portal.host, portal.host_was, portal.directory_at) == ("new.bitrix24.ru", "old.bitrix24.ru", None)
    assert portal.directory == {"zone": "Europe/Moscow"}
    assert store.reconcile_due(A, NOW)
