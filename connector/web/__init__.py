"""The HTTP side: webhooks are verified, stored and answered here; nothing is judged and no CRM is called."""

from __future__ import annotations

from flask import Flask

from connector.portals import Portals
from connector.store import Store
from connector.web import health, hooks


def create_web(store: Store, portals: Portals) -> Flask:
    """The Flask application that gunicorn serves."""
    web = Flask(__name__, static_folder=None)
    web.register_blueprint(hooks.blueprint(store, portals))
    web.register_blueprint(health.blueprint(store))
    return web
