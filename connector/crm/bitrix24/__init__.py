"""Bitrix24, reached by a pair of webhooks: an incoming one (we call) and outgoing ones (it calls)."""
