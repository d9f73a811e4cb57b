"""What only amoCRM remembers of a portal: incoming leads, buyers, lists, tags, webhooks, the integration."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from connector.sandbox.amocrm.integration import Integration
from connector.sandbox.amocrm.subscriptions import Subscriptions
from connector.sandbox.records import CardKind

Category = Literal["forms", "sip", "mail", "chats"]


@dataclass(kw_only=True)
class Unsorted:
    """An incoming lead that somebody has to accept or decline (facts/amocrm.md 4.8)."""

    number: int
    uid: str
    category: Category
    lead: int
    contacts: list[int]
    companies: list[int]
    pipeline: int
    created: datetime
    source_name: str = ""
    source_uid: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    state: Literal["waiting", "accepted", "declined"] = "waiting"


@dataclass(kw_only=True)
class Customer:
    """A buyer: somebody who buys again and again (facts/amocrm.md 4.6)."""

    id: int
    name: str
    owner: int
    status: int
    created: datetime
    updated: datetime
    created_by: int
    updated_by: int
    next_price: int = 0
    next_date: datetime | None = None
    periodicity: int = 0
    """Days; 0 in segments mode."""
    contacts: list[int] = field(default_factory=list)
    companies: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    deleted: bool = False


@dataclass(kw_only=True)
class Purchase:
    """One purchase of a buyer."""

    id: int
    customer: int
    price: int
    comment: str
    completed: datetime
    created: datetime
    by: int


@dataclass(kw_only=True)
class Catalog:
    """A list; the one of type `products` holds what is sold."""

    id: int
    name: str
    type: Literal["regular", "invoices", "products"]
    created: datetime
    by: int


@dataclass(kw_only=True)
class Element:
    """One element of a list."""

    id: int
    catalog: int
    name: str
    created: datetime
    updated: datetime
    by: int
    price: float = 0.0
    sku: str = ""
    deleted: bool = False


@dataclass(kw_only=True)
class Trigger:
    """A block on a stage of the digital pipeline: a plain webhook, or the action of a widget (facts/amocrm.md 1.1)."""

    pipeline: int
    stage: int
    url: str
    settings: dict[str, Any] | None = None
    """Of a widget's block; None: a plain webhook."""
    form: bool = False
    """A widget's action comes as a form, not as JSON."""
    multiple: bool = False
    """`action_multiple`: the direction of the movement is told."""


class Kept:
    """The blueprint, the sender of webhooks and the control API share it."""

    def __init__(self, integration: Integration) -> None:
        self.integration = integration
        self.subscriptions = Subscriptions()
        self.field_types: dict[int, str] = {}
        """amoCRM's own type of a field made over the API, by field id."""
        self.field_groups: dict[tuple[str, str], dict[str, Any]] = {}
        """Groups of fields made over the API, by plural and id."""
        self.group_of: dict[int, str] = {}
        """The group of a field, by field id; unmentioned: default."""
        self.note_types: dict[int, tuple[str, dict[str, Any]]] = {}
        """Type and params of a note made over the API, by comment id."""
        self.pinned: set[int] = set()
        """Notes that stand on top, by note id."""
        self.tags: dict[CardKind, dict[int, str]] = defaultdict(dict)
        """Names of tags by kind of card and id."""
        self.tagged: dict[tuple[CardKind, int], list[int]] = {}
        """Tags of a card."""
        self.unsorted: dict[str, Unsorted] = {}
        self.customers: dict[int, Customer] = {}
        self.purchases: dict[int, Purchase] = {}
        self.segments: dict[int, str] = {1: "Постоянные", 2: "Крупные"}
        self.catalogs: dict[int, Catalog] = {}
        self.elements: dict[int, Element] = {}
        self.archived: set[int] = set()
        """Pipelines in the archive."""
        self.triggers: list[Trigger] = []
        self.talks: dict[int, datetime] = {}
        """When a conversation began, by its id."""
        self.left_status: dict[int, int] = {}
        """The status a lead left last, by lead id."""
        self.rights: dict[int, dict[str, Any]] = {}
        """What an administrator took from or gave to a user beyond his role, by user id."""
