"""The HTTP side: webhooks and installations are proven, stored and answered; nothing is judged, no portal called."""

from __future__ import annotations

from flask import Flask

from connector.connecting import Connecting
from connector.installing import Installer
from connector.opening import Opened
from connector.proven import Turns
from connector.web import amocrm_oauth, amocrm_widget, disabled, health, hooks, install


def create_web(opened: Opened) -> Flask:
    """The Flask application that gunicorn serves."""
    web = Flask(__name__, static_folder=None)
    turns = Turns()
    installer = Installer(opened.settings, opened.store, opened.vault, turns)
    connecting = Connecting(opened.portals, opened.store, opened.vault, turns)
    web.register_blueprint(hooks.blueprint(opened.store, opened.portals, installer))
    web.register_blueprint(install.blueprint(opened.settings, installer))
    web.register_blueprint(amocrm_oauth.blueprint(connecting))
    web.register_blueprint(disabled.blueprint(connecting))
    web.register_blueprint(amocrm_widget.blueprint(opened.store, opened.portals))
    web.register_blueprint(health.blueprint(opened.store))
    return web
