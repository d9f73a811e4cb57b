"""Kasanie: wiring only. `python app.py --help` lists the commands; gunicorn asks `web()` for the Flask application."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from connector.cli import commands
from connector.opening import WEB_PATIENCE, open_all
from connector.web import create_web


def web(config: str = "config.yaml") -> Flask:
    """The Flask application of one gunicorn process."""
    opened = open_all(Path(config), WEB_PATIENCE)
    return create_web(opened)


if __name__ == "__main__":
    commands()
