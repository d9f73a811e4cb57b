"""A portal that never stops ringing gets its tasks all the same."""

import threading

import requests

from connector.sandbox.installation import wait_for
from connector.sandbox.story import Stage
from story.world import World, tasks_of_deal

PATIENCE = 40.0


def test_tasks_come_while_webhooks_keep_coming(world: World, stage: Stage) -> None:
    story = next(one for one in stage.installation.ask("portals")["portals"] if one["name"] == stage.portal)
    door = stage.installation.hook_url(story)
    body = (
        {
            "event": "ONCRMDEALUPDATE",
            "data[FIELDS][ID]": "1",
            "auth[member_id]": story["member_id"],
            "auth[application_token]": story["application_token"],
        }
        if story["crm"] == "bitrix24"
        else {"leads[update][0][id]": "1", "account[id]": str(story["account_id"])}
    )
    enough = threading.Event()
    answers: set[int] = set()

    def ring() -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not enough.wait(0.05):
                answers.add(session.post(door, data=body, timeout=10).status_code)

    stage.tell("faults", {"answer_ms": 200})  # hearing takes longer than the next ring
    ringing = threading.Thread(target=ring)
    ringing.start()
    try:
        deal = stage.tell("deals", {"title": "Ромашка: полки", "company": "Ромашка"})["ids"][0]
        wait_for(lambda: tasks_of_deal(stage, deal), PATIENCE, "no task while the portal keeps ringing")
    finally:
        enough.set()
        ringing.join()
        stage.tell("faults", {"answer_ms": 0})
    assert answers == {200}
    world.settle()
