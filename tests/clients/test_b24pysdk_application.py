"""The vendor's client, b24pysdk, as a local application uses it: tokens, proofs, events, the portal's new name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from b24pysdk import BitrixAppLocal, BitrixTokenLocal, Client, errors
from b24pysdk.credentials import OAuthEventData, OAuthPlacementData
from b24pysdk.errors.oauth import BitrixOAuthInvalidClient, BitrixOAuthInvalidGrant, BitrixOAuthNotInstalled
from crm.canned import CannedServer, canned_server

from clients.conftest import Portal

DEAL = 2
PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="module")
def portal(portals: dict[str, Portal]) -> Portal:
    return portals["application"]


@pytest.fixture(scope="module")
def application(portal: Portal) -> Any:
    return BitrixAppLocal(
        domain=portal.domain, client_id=portal.told["client_id"], client_secret=portal.told["client_secret"]
    )


@pytest.fixture
def ears() -> Iterator[CannedServer]:
    """Where the portal posts to."""
    with canned_server() as server:
        yield server


@pytest.fixture
def installed(portal: Portal, application: Any, ears: CannedServer) -> Any:
    """The tokens of a fresh installation, as its event brings them."""
    portal.set("install", target=ears.url)
    heard = heard_by(ears, "ONAPPINSTALL")
    return BitrixTokenLocal(
        auth_token=heard["auth[access_token]"], refresh_token=heard["auth[refresh_token]"], bitrix_app=application
    )


def heard_by(ears: CannedServer, event: str) -> dict[str, str]:
    """The newest POST of this event, once it is there."""

    def find() -> dict[str, str] | None:
        told = [dict(parse_qsl(asked.body.decode("ascii"), keep_blank_values=True)) for asked in ears.asked]
        return next((one for one in reversed(told) if one.get("event") == event), None)

    told: dict[str, str] = awaited(find, f"{event} did not come")
    return told


def awaited(find: Callable[[], Any], otherwise: str) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = find()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(otherwise)


def test_access_token_calls_methods(installed: Any) -> None:
    bitrix = Client(installed)
    assert bitrix.crm.item.get(DEAL, 1).result["item"]["id"] == 1
    assert len(bitrix.crm.item.list(DEAL, select=["id"]).as_list(limit=130).result) == 130


def test_expired_token_is_renewed_by_the_client_itself(installed: Any, portal: Portal) -> None:
    before, refreshes = installed.auth_token, portal.look("tokens")["refreshes"]
    portal.set("tokens", expire=True)
    assert Client(installed).crm.item.get(DEAL, 2).result["item"]["id"] == 2
    assert installed.auth_token != before
    assert portal.look("tokens")["refreshes"] == refreshes + 1
    assert Client(installed).crm.item.get(DEAL, 3).result["item"]["id"] == 3
    assert portal.look("tokens")["refreshes"] == refreshes + 1


def test_token_that_dies_between_two_pages_costs_no_row(installed: Any, portal: Portal) -> None:
    portal.set("tokens", expire_after=1)
    deals = Client(installed).crm.item.list(DEAL, select=["id"]).as_list(limit=500).result
    assert len({deal["id"] for deal in deals}) == 500


def test_spent_refresh_token_is_refused(installed: Any, portal: Portal) -> None:
    spent = installed.refresh_token
    installed.refresh_and_set_oauth_token()
    reuses = portal.look("tokens")["refresh_reuses"]
    with pytest.raises(BitrixOAuthInvalidGrant):
        installed.bitrix_app.refresh_oauth_token(spent)
    assert portal.look("tokens")["refresh_reuses"] == reuses + 1
    assert Client(installed).crm.item.get(DEAL, 1).result["item"]["id"] == 1


def test_wrong_secret_and_unknown_token_are_told_apart(installed: Any, portal: Portal) -> None:
    stranger = BitrixAppLocal(domain=portal.domain, client_id=portal.told["client_id"], client_secret="wrong")
    with pytest.raises(BitrixOAuthInvalidClient):
        stranger.refresh_oauth_token(installed.refresh_token)
    invented = BitrixTokenLocal(auth_token="invented", refresh_token=None, bitrix_app=installed.bitrix_app)
    with pytest.raises(errors.BitrixAPIUnauthorized) as refused:
        Client(invented).crm.item.get(DEAL, 1).call()
    assert refused.value.json_response["error"] == "invalid_token"


def test_oauth_server_proves_whose_token_it_is(installed: Any, portal: Portal) -> None:
    proof = installed.get_app_info().result
    assert (proof.client_id, proof.install.member_id) == (portal.told["client_id"], portal.told["member_id"])
    assert {"crm", "task"} <= set(proof.scope)
    told = Client(installed).app.info().value
    assert (told.code, told.status.is_local, told.installed) == (portal.told["client_id"], True, True)


def test_scopes_of_the_application_bound_what_it_may(installed: Any, portal: Portal) -> None:
    granted = portal.look("app")["scopes"]
    portal.set("app", scopes=["crm"])
    try:
        bitrix = Client(installed)
        assert bitrix.crm.item.get(DEAL, 1).result["item"]["id"] == 1
        with pytest.raises(errors.BitrixAPIInsufficientScope):
            bitrix.tasks.task.list().call()
    finally:
        portal.set("app", scopes=granted)


def test_event_of_a_person_carries_a_working_token(installed: Any, portal: Portal, ears: CannedServer) -> None:
    bitrix = Client(installed)
    assert {"ONCRMDEALMOVETOCATEGORY", "ONCRMTIMELINEITEMACTION"} <= set(bitrix.events().result)
    assert bitrix.event.bind("ONCRMDEALUPDATE", ears.url).result is True
    assert [(one["event"], one["handler"]) for one in bitrix.event.get().result] == [("ONCRMDEALUPDATE", ears.url)]
    portal.set("cards", kind="deal", id=1, title="Другое имя", by=3)

    event = OAuthEventData.from_dict(heard_by(ears, "ONCRMDEALUPDATE"))
    assert (event.data["FIELDS"]["ID"], event.auth.user_id, event.is_system) == ("1", 3, False)
    assert event.auth.member_id == portal.told["member_id"]
    assert event.validate_against_app_info(event.get_app_info(installed.bitrix_app))
    assert bitrix.event.unbind("ONCRMDEALUPDATE", ears.url).result == {"count": 1}


def test_offline_events_are_taken_and_cleared(installed: Any, portal: Portal) -> None:
    bitrix = Client(installed)
    assert bitrix.event.bind("ONCRMCOMPANYUPDATE", "", event_type="offline").result is True
    for title in ("Первое имя", "Второе имя"):
        portal.set("cards", kind="company", id=2, title=title)
    kept = bitrix.event.offline.get(clear=False).result
    assert [(one["EVENT_NAME"], str(one["EVENT_DATA"]["FIELDS"]["ID"])) for one in kept["events"]] == [
        ("ONCRMCOMPANYUPDATE", "2")
    ]
    assert bitrix.event.offline.get(clear=False).result["events"] == []
    assert bitrix.event.offline.clear(kept["process_id"]).result is True
    assert bitrix.event.offline.list().result == []


def test_manager_is_refused_what_only_an_administrator_may(installed: Any, portal: Portal) -> None:
    token = portal.set("tokens", issue=3)["access_token"]
    manager = Client(BitrixTokenLocal(auth_token=token, refresh_token=None, bitrix_app=installed.bitrix_app))
    assert manager.user.current().result["ID"] == "3"
    for refused in (manager.event.offline.list(), manager.event.bind("ONCRMDEALADD", "", event_type="offline")):
        with pytest.raises(errors.BitrixAPIAccessDenied):
            refused.call()


def test_tab_is_bound_shown_and_taken_off(installed: Any, ears: CannedServer) -> None:
    bitrix = Client(installed)
    tab = "CRM_COMPANY_DETAIL_TAB"
    assert tab in bitrix.placement.list().result
    assert bitrix.placement.bind(tab, ears.url, title="Касания").result is True
    assert [(one["placement"], one["title"]) for one in bitrix.placement.get().result] == [(tab, "Касания")]
    assert bitrix.placement.unbind(tab, handler=ears.url).result["count"] == 1
    assert bitrix.placement.get().result == []


def test_install_page_is_opened_with_tokens_that_work(installed: Any, portal: Portal, ears: CannedServer) -> None:
    portal.set("install", target=ears.url, page=True)
    opened = awaited(lambda: next((one for one in ears.asked if "APP_SID" in one.path), None), "no page was opened")
    told = dict(parse_qsl(urlsplit(opened.path).query)) | dict(parse_qsl(opened.body.decode()))
    placed = OAuthPlacementData.from_dict(told)
    assert (placed.placement, placed.member_id) == ("DEFAULT", portal.told["member_id"])
    token = BitrixTokenLocal.from_oauth_placement_data(placed, installed.bitrix_app)
    assert Client(token).crm.item.get(DEAL, 1).result["item"]["id"] == 1
    portal.set("install_finish")


def test_code_of_the_consent_page_brings_the_first_tokens(installed: Any, portal: Portal, ears: CannedServer) -> None:
    portal.set("app", redirect_url=ears.url)
    address = f"https://{portal.domain}/oauth/authorize/"
    asked = {"client_id": portal.told["client_id"], "state": "наше"}
    assert requests.get(address, params=asked, timeout=PATIENCE_SECONDS).status_code == 200
    sent = requests.post(address, data=asked, allow_redirects=False, timeout=PATIENCE_SECONDS)
    back = dict(parse_qsl(urlsplit(sent.headers["Location"]).query))
    assert (back["state"], back["member_id"]) == ("наше", portal.told["member_id"])
    first = installed.bitrix_app.get_oauth_token(back["code"])
    token = BitrixTokenLocal.from_oauth(first, installed.bitrix_app)
    assert Client(token).crm.item.get(DEAL, 1).result["item"]["id"] == 1
    with pytest.raises(BitrixOAuthInvalidGrant):
        installed.bitrix_app.get_oauth_token(back["code"])


def test_configurable_activity_is_written_pressed_and_heard(installed: Any, portal: Portal, ears: CannedServer) -> None:
    bitrix = Client(installed)
    bitrix.event.bind("ONCRMTIMELINEITEMACTION", ears.url).call()
    layout = {
        "icon": {"code": "call-completed"},
        "header": {"title": "Предложение"},
        "body": {
            "logo": {"code": "call-incoming"},
            "blocks": {"text": {"type": "text", "properties": {"value": "Позвонить?"}}},
        },
        "footer": {
            "buttons": {
                "ok": {
                    "title": "Да",
                    "type": "primary",
                    "action": {"type": "restEvent", "id": "ok", "actionParams": {"answer": "accept"}},
                }
            }
        },
    }
    fields = {"typeId": "CONFIGURABLE", "responsibleId": 3, "completed": False}
    made = bitrix.crm.activity.configurable.add(owner_type_id=DEAL, owner_id=1, fields=fields, layout=layout)
    number = int(made.result["activity"]["id"])
    portal.set("press", activity=number, button="ok", by=3)
    event = OAuthEventData.from_dict(heard_by(ears, "ONCRMTIMELINEITEMACTION"))
    assert event.auth.user_id == 3
    assert "accept" in str(event.data)


def test_removed_application_is_told_so(installed: Any, portal: Portal) -> None:
    portal.set("uninstall", clean=True)
    with pytest.raises(errors.BitrixAPIApplicationNotFound):
        Client(installed).crm.item.get(DEAL, 1).call()
    with pytest.raises(BitrixOAuthNotInstalled):
        installed.refresh_and_set_oauth_token()


def test_renamed_portal_is_followed(installed: Any, portal: Portal) -> None:
    portal.set("rename", host="localhost")
    try:
        assert Client(installed).crm.item.get(DEAL, 4).result["item"]["id"] == 4
        assert installed.domain == "localhost"
    finally:
        portal.set("rename", host=None)
