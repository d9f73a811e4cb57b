"""The tabs of an application on a card's page: each is a form that is posted into a frame (facts/bitrix24.md 7.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from connector.sandbox.bitrix24.application_orders import page_form, page_query
from connector.sandbox.portal import Portal
from connector.sandbox.records import CardKind


@dataclass(frozen=True)
class Tab:
    """One widget, with what a browser posts to it."""

    name: str
    """Of the frame."""
    title: str
    address: str
    fields: dict[str, Any]

    @property
    def origin(self) -> str:
        """Scheme, host and port of the handler: what the page lets a form post to and a frame show."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"


def tabs_of(portal: Portal, kind: CardKind, card_id: int, *, viewer: int, language: str) -> list[Tab]:
    """The application's tabs on a card; every look at them gives it a fresh token of the one who looks.

    Nothing is shown before the application's installation is finished.
    """
    application = portal.config.application
    if application is None or not application.listening:
        return []
    placement = f"CRM_{kind.upper()}_DETAIL_TAB"
    options = json.dumps({"ID": str(card_id), "URI": f"/crm/{kind}/details/{card_id}/"})
    tabs: list[Tab] = []
    for number, one in enumerate(one for one in application.widgets if one.placement == placement):
        form = page_form(application, application.tokens.issue(viewer), placement, options)
        words = one.languages.get(language) or {}
        title = str(words.get("TITLE") or one.title or application.client_id)
        mark = "&" if "?" in one.handler else "?"
        tabs.append(Tab(f"tab-{number}", title, f"{one.handler}{mark}{page_query(portal.config)}", form))
    return tabs
