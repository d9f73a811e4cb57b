"""Raw webhook bodies, posted by hand as the README tells: one task and one score, however often they come."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import requests

from connector.sandbox.installation import HOOK_SECRET
from connector.sandbox.story import Stage
from story.world import World, tasks_of_deal

PAYLOADS = Path(__file__).parent / "payloads"
ROOT = Path(__file__).resolve().parents[2]
CLIENT = "Северсталь-Метиз"


def post(world: World, stage: Stage, body: bytes) -> int:
    secret = f"/{HOOK_SECRET}" if stage.portal.startswith("amocrm") else ""
    answer = requests.post(
        f"http://127.0.0.1:{world.installation.port}/hooks/{stage.portal}{secret}",
        data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=10,
    )
    return answer.status_code


def captured_body(world: World, stage: Stage, deal: int) -> bytes:
    """The payload file of the portal's CRM with this portal's own ids in it."""
    portal = next(one for one in world.sandbox.get("portals")["portals"] if one["name"] == stage.portal)
    stages = {one["code"]: one["id"] for one in portal["pipelines"][0]["stages"]}
    known = {
        "deal": deal,
        "host": portal["host"],
        "member": portal["member_id"],
        "token": portal["application_token"],
        "subdomain": portal["subdomain"],
        "account": portal["account_id"],
        "pipeline": portal["pipelines"][0]["id"],
        "stage": stages["OFFER"],
        "old_stage": stages["NEW"],
    }
    name = "bitrix24_deal_update.form" if portal["crm"] == "bitrix24" else "amocrm_lead_status.form"
    body = (PAYLOADS / name).read_text(encoding="ascii").strip()
    for word, value in known.items():
        body = body.replace(f"@{word}@", str(value))
    assert "@" not in body
    return body.encode()


def test_a_moved_deal_is_heard_from_its_raw_body_and_three_posts_make_one_task(world: World, deaf_stage: Stage) -> None:
    number = deaf_stage.company(CLIENT)
    deal = deaf_stage.tell("deals", {"company": CLIENT, "title": "Метизы на квартал"})["ids"][0]
    deaf_stage.tell("deals/move", {"deal": deal, "stage": "OFFER"})
    deaf_stage.tell("cards", {"kind": "company", "id": number, "fields": {"champion": "Главный технолог"}})
    world.settle()
    assert tasks_of_deal(deaf_stage, deal) == []
    assert deaf_stage.written(CLIENT, "kasanie_fill") == [72]

    assert post(world, deaf_stage, captured_body(world, deaf_stage, deal)) == 200
    world.settle()
    [task] = tasks_of_deal(deaf_stage, deal)
    assert "КП" in task["title"]
    assert task["open"]
    assert deaf_stage.written(CLIENT, "kasanie_fill") == [72, 74]

    for _ in range(2):
        assert post(world, deaf_stage, captured_body(world, deaf_stage, deal)) == 200
    world.settle()
    assert [one["id"] for one in tasks_of_deal(deaf_stage, deal)] == [task["id"]]
    assert deaf_stage.written(CLIENT, "kasanie_fill") == [72, 74]


def test_three_bodies_at_once_make_one_task(world: World, deaf_stage: Stage) -> None:
    deal = deaf_stage.tell("deals", {"company": "Ромашка", "title": "Стеллажи"})["ids"][0]
    for _ in range(3):
        assert post(world, deaf_stage, captured_body(world, deaf_stage, deal)) == 200
    world.settle()
    [task] = tasks_of_deal(deaf_stage, deal, "Первый контакт")
    assert task["open"]


def test_the_curl_lines_of_the_readme_work_with_the_id_of_a_deal(world: World, deaf_stage: Stage) -> None:
    company = deaf_stage.tell("companies", {"title": "Полки и шкафы", "owner": 3})["id"]
    deal = deaf_stage.tell("deals", {"company": company, "title": "Полки"})["ids"][0]
    [body] = curl_bodies((ROOT / "README.md").read_text(encoding="utf-8"), deaf_stage.portal)
    for key in ("data[FIELDS][ID]", "leads[status][0][id]"):
        if key in body:
            body[key] = str(deal)
    assert post(world, deaf_stage, urlencode(body).encode()) == 200
    world.settle()
    [task] = tasks_of_deal(deaf_stage, deal, "Первый контакт")
    assert task["open"]


def curl_bodies(text: str, portal: str) -> list[dict[str, str]]:
    """What the curl lines of a README post to this portal."""
    commands = re.findall(r"^curl [^\n]*/hooks/(\S+)((?:[^\n]*\\\n)*[^\n]*)", text, re.MULTILINE)
    return [
        dict(pair.split("=", 1) for pair in re.findall(r"--data-urlencode '([^']*)'", rest))
        for address, rest in commands
        if address.split("/")[0] == portal
    ]
