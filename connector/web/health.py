"""`/healthz`: the process lives. `/readyz`: the database answers, so webhooks can be stored."""

from __future__ import annotations

from flask import Blueprint, Response

from connector.store import Store, StoreDown


def blueprint(store: Store) -> Blueprint:
    """Both answers are one word: they tell a stranger nothing."""
    pages = Blueprint("health", __name__)

    @pages.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @pages.get("/readyz")
    def ready() -> Response:
        try:
            store.ping()
        except StoreDown:
            return Response("not ready\n", status=503, mimetype="text/plain")
        return Response("ready\n", mimetype="text/plain")

    return pages
