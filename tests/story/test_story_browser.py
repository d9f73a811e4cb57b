"""In a real Chromium: a newcomer opens the invented CRM, moves a deal by hand, and sees the task appear."""

import re

from playwright.sync_api import Page, expect

from connector.sandbox.story import Stage

PATIENCE = 40_000
"""Milliseconds in which the task must stand on the card."""


def test_moving_a_deal_by_hand_brings_the_task(page: Page, stage: Stage) -> None:
    title = "Кнопка-Сервис"
    stage.tell("companies", {"title": title, "owner": 6, "people": [{"first_name": "Лев", "last_name": "Яшин"}]})
    deal = stage.tell("deals", {"title": f"{title}: монтаж", "company": title, "stage": "DELIVERY"})["ids"][0]
    home = next(one for one in stage.installation.ask("portals")["portals"] if one["name"] == stage.portal)["base_url"]

    page.goto(f"{home}/")
    row = page.locator(f"#deal-{deal}")
    row.get_by_role("combobox").select_option(label="Успешно реализовано")
    row.get_by_role("button").click()
    expect(page.locator("[data-stage=WON]").locator(f"#deal-{deal}")).to_be_visible()

    page.locator(f"#deal-{deal} .client").click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    task = page.locator("#tasks .task", has_text="Поблагодарить")
    for _ in range(PATIENCE // 1000):
        if task.count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    expect(task).to_have_count(1)
    expect(task).to_contain_text("Елена Орлова")


def test_the_card_shows_the_dossier_score(page: Page, stage: Stage) -> None:
    home = next(one for one in stage.installation.ask("portals")["portals"] if one["name"] == stage.portal)["base_url"]
    page.goto(f"{home}/cards/company/{stage.company('Северсталь-Метиз')}?lang=en")
    for _ in range(PATIENCE // 1000):
        if page.locator("#fill").count():
            break
        page.wait_for_timeout(1000)
        page.reload()
    expect(page.locator("#fill")).to_have_text(re.compile(r"72"))
    expect(page.locator("#gaps")).to_contain_text("14")
