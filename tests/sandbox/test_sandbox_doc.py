"""Every curl line of docs/sandbox.md works as it stands there."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from sandbox_fixture import ROOT, Sandbox, run_sandbox

from connector.sandbox.amocrm.readings import READINGS as AMOCRM_READINGS
from connector.sandbox.bitrix24.call import READINGS
from connector.sandbox.faults import SWITCHES

DOC = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
LINE = re.compile(
    r'^curl (?:-X POST )?"\$SANDBOX(?P<path>[^"]+)"(?: -H \'Content-Type: application/json\' -d \'(?P<body>.*)\')?',
    re.MULTILINE,
)


def test_every_curl_line_is_answered() -> None:
    with run_sandbox() as sandbox:
        task = {"TITLE": "Касание", "RESPONSIBLE_ID": 3}
        rest = sandbox.portal("bitrix24")["rest_url"]
        sandbox.session.post(rest + "tasks.task.add", json={"fields": task}, timeout=5).raise_for_status()
        _offer(sandbox)
        lines = list(LINE.finditer(DOC))
        assert len(lines) >= 30
        for line in lines:
            url = sandbox.portals[0]["base_url"] + quote(line["path"], safe="/?=&")
            body = json.loads(line["body"]) if line["body"] else None
            answer = sandbox.session.request("POST" if line["body"] else "GET", url, json=body, timeout=10)
            assert answer.status_code == 200, f"{line[0]}: {answer.text}"


def _offer(sandbox: Sandbox) -> None:
    """A card with a button, as the documented press wants it."""
    portal = sandbox.portal("bitrix24")
    action = {"type": "restEvent", "id": "accept"}
    layout = {
        "icon": {"code": "info"},
        "header": {"title": "Предложено касание"},
        "body": {"logo": {"code": "document"}},
        "footer": {"buttons": {"ok": {"title": "Поставить задачу", "type": "primary", "action": action}}},
    }
    body = {"ownerTypeId": 4, "ownerId": 1, "fields": {}, "layout": layout, "auth": portal["access_token"]}
    url = f"{portal['base_url']}/rest/crm.activity.configurable.add"
    sandbox.session.post(url, json=body, timeout=5).raise_for_status()


def test_every_switch_and_reading_is_explained() -> None:
    assert [name for name in (*SWITCHES, *READINGS, *AMOCRM_READINGS) if f"`{name}`" not in DOC] == []
