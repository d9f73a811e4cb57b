"""One POST of a webhook, with amoCRM's headers and patience (facts/amocrm.md 1.2, 1.4)."""

from __future__ import annotations

import time
import uuid

import requests

from connector.sandbox.amocrm.account import Account

PATIENCE = 2.0
"""Seconds in which an answer must come."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Poster:
    """Keeps the connections of one sender; `close` ends them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def post(self, url: str, content_type: str, body: bytes) -> tuple[int, str]:
        """Post once; the status (0: no connection; a reading says what an answer not in time counts as), and a word."""
        late = int(self._account.number("hook_timeout_code"))
        began = time.monotonic()
        try:
            with self._session.post(
                url,
                data=body,
                headers={
                    "Content-Type": content_type,
                    "User-Agent": "amoCRM-Webhooks/3.0",
                    "Accept-Encoding": "gzip",
                    "Accept": "*/*",
                    "X-AmoCRM-RequestId": str(uuid.uuid4()),
                },
                timeout=PATIENCE,
                allow_redirects=False,
                stream=True,
            ) as response:
                if time.monotonic() - began > PATIENCE:
                    return late, "unanswered"
                return response.status_code, f"answered {response.status_code}"
        except requests.Timeout:
            return late, "unanswered"
        except requests.RequestException:
            return 0, "unanswered"
