"""The amoCRM face: API v4, the list of events and webhooks over an invented base (facts/amocrm.md)."""

from __future__ import annotations

from flask import Blueprint

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.card_writes import add_card_writes
from connector.sandbox.amocrm.cards import add_cards
from connector.sandbox.amocrm.catalog_calls import add_catalogs
from connector.sandbox.amocrm.customer_calls import add_customers
from connector.sandbox.amocrm.directory import add_directory
from connector.sandbox.amocrm.event_feed import add_events
from connector.sandbox.amocrm.face import Face
from connector.sandbox.amocrm.field_definitions import add_field_definitions
from connector.sandbox.amocrm.field_groups import add_field_groups
from connector.sandbox.amocrm.hook_calls import add_hook_calls
from connector.sandbox.amocrm.linking import add_linking
from connector.sandbox.amocrm.note_calls import add_notes
from connector.sandbox.amocrm.oauth import add_oauth
from connector.sandbox.amocrm.purchase_calls import add_purchases
from connector.sandbox.amocrm.sender import Sender
from connector.sandbox.amocrm.tags import add_tags
from connector.sandbox.amocrm.tasks import add_tasks
from connector.sandbox.amocrm.unsorted_calls import add_unsorted
from connector.sandbox.base import Base
from connector.sandbox.config import PortalConfig


def blueprint(base: Base, config: PortalConfig) -> Blueprint:
    """The API of one portal, under `/api/v4/` and `/oauth2/`."""
    account = Account(base, config)
    made = Blueprint("face", __name__)  # the server notes the requests of this name
    face = Face(account, made)
    add_directory(face)
    add_field_definitions(face)
    add_field_groups(face)
    add_notes(face)
    add_cards(face)
    add_card_writes(face)
    add_linking(face)
    add_tags(face)
    add_tasks(face)
    add_customers(face)
    add_purchases(face)
    add_catalogs(face)
    add_unsorted(face)
    add_events(face)
    add_hook_calls(face)
    add_oauth(account, made)
    return made


def start_hooks(base: Base, config: PortalConfig) -> Sender:
    """Post the webhooks of one portal until `stop()`."""
    return Sender(Account(base, config))
