"""Every curl line of docs/sandbox.md works as it stands there."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

from sandbox_fixture import ROOT, run_sandbox

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
        lines = list(LINE.finditer(DOC))
        assert len(lines) >= 30
        for line in lines:
            url = sandbox.portals[0]["base_url"] + quote(line["path"], safe="/?=&")
            body = json.loads(line["body"]) if line["body"] else None
            answer = sandbox.session.request("POST" if line["body"] else "GET", url, json=body, timeout=10)
            assert answer.status_code == 200, f"{line[0]}: {answer.text}"


def test_every_switch_and_reading_is_explained() -> None:
    assert [name for name in (*SWITCHES, *READINGS) if f"`{name}`" not in DOC] == []
