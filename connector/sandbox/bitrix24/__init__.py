"""Bitrix24's face of the invented CRM: REST by incoming webhook, outgoing webhooks (facts/bitrix24.md)."""

from connector.sandbox.bitrix24.families import FAMILIES
from connector.sandbox.bitrix24.hooks import start_hooks
from connector.sandbox.bitrix24.rest import blueprint

__all__ = ["FAMILIES", "blueprint", "start_hooks"]
