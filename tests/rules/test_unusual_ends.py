"""Touches that end in unusual ways: deleted after a reopening, left as the last line, done before they are asked."""

from dataclasses import replace

from scenes import Story, deal, only, orders, stands, won

from rules.ledger import State

AT = "2026-03-03 10:00"
NEW = {"id": "D", "history": [{"phase": "new", "at": "2026-03-03 10:09"}]}
QUALIFY = {"id": "D", "history": [{"phase": "qualify", "at": "2026-03-03 10:04"}]}


def left_and_back() -> Story:
    """First contact asked, withdrawn because the deal moved on, reopened because it came back."""
    story = Story(only("first-contact"), people={"boris": "owner", "vera": "head"}, deals=[deal("D", AT, ("new", AT))])
    story.at("2026-03-03 10:01")
    assert [one.do for one in story.at("2026-03-03 10:05", deals=[QUALIFY]).orders] == ["withdraw"]
    return story


def delete_task(story: Story) -> None:
    """As the CRM tells it: the task was open when it was last read, and then it is gone."""
    name = next(iter(story.played.tasks))
    story.played.tasks[name] = replace(story.played.tasks[name], deleted=True, open=False, closed_at=None)


def test_a_reopened_task_that_a_manager_deletes_is_declined_and_the_head_hears_nothing() -> None:
    story = left_and_back()
    assert [one.do for one in story.at("2026-03-03 10:10", deals=[NEW]).orders] == ["reopen"]
    delete_task(story)
    assert story.at("2026-03-03 12:00").orders == ()
    assert [(row.state, row.reason) for row in story.rows] == [(State.DECLINED, "deleted")]


def test_a_task_deleted_while_withdrawn_is_not_reopened() -> None:
    story = left_and_back()
    delete_task(story)
    assert story.at("2026-03-03 10:10", deals=[NEW]).orders == ()
    assert [row.state for row in story.rows] == [State.DECLINED]


def test_the_line_that_is_left_of_a_merged_task_follows_when_its_doer_is_dismissed() -> None:
    story = Story(only("thanks", "quality-check"), deals=[won("D", "2026-03-02 12:00")])
    story.at("2026-03-02 12:00")
    story.at("2026-03-03 09:05")
    letter = {"id": "m1", "kind": "email", "at": "2026-03-03 11:00", "direction": "in"}
    story.at("2026-03-03 12:00", touches=[letter])
    assert {row.key.rule: row.open for row in story.rows} == {"thanks": False, "quality-check": True}
    managers = dict(story.portal.managers)
    managers["anna"] = replace(managers["anna"], active=False)
    story.change_portal(replace(story.portal, managers=managers))
    given = story.at("2026-03-03 13:00").orders
    assert [(one.do, one.key.rule) for one in given] == [("assign", "quality-check")]
    assert given[0].to not in (None, "anna")


def test_a_dismissed_default_manager_gets_nothing() -> None:
    story = Story(only("first-contact"), people={"vera": "head"}, deals=[deal("D", AT, ("new", AT), owner="gone")])
    managers = {name: replace(one, active=False) for name, one in story.portal.managers.items()}
    story.change_portal(replace(story.portal, managers=managers, default_manager="vera"))
    assert story.at("2026-03-03 10:01").orders == ()


def test_a_deal_of_a_service_pipeline_is_no_new_request() -> None:
    service = Story(only("first-contact"), deals=[{**deal("D", AT, ("new", AT)), "sale": False}])
    judged = service.at("2026-03-03 10:01")
    assert orders(judged) == []
    assert stands(judged, "first-contact").startswith("skipped")


def test_a_step_that_is_done_by_the_time_it_would_be_asked_is_not_asked() -> None:
    """Three tries reach us at once: they count for the steps, and nobody is asked for what he has done."""
    start = "2026-02-24 09:01"
    story = Story(only("call-again"), since="2026-02-24 09:00", deals=[deal("D", start, ("new", start))])
    tries = [
        {
            "id": f"t{n}",
            "kind": "call",
            "at": f"2026-02-24 09:0{n}",
            "direction": "out",
            "answered": False,
            "seconds": 0,
        }
        for n in (1, 2, 3)
    ]
    judged = story.at("2026-02-24 09:03", touches=tries)
    assert orders(judged) == []
    assert [row.state for row in story.rows] == [State.DONE, State.DONE]
    assert story.at("2026-02-24 09:03").orders == ()
