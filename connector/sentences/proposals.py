"""The words of a proposal in the CRM: its card, its buttons, its end."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "offer-title": ("Предложение: {title}", "Proposal: {title}"),
    "offer-why": ("Почему: {why}", "Why: {why}"),
    "offer-hint": (
        "Как ответить: завершить – принять; перенести срок – вернуться к этому в тот день; удалить – отклонить.",
        "How to answer: complete it to accept; move its deadline to come back that day; delete it to decline.",
    ),
    "offer-accept": ("Поставить задачу", "Set the task"),
    "offer-later-1": ("Позже: завтра", "Later: tomorrow"),
    "offer-later-3": ("Позже: через 3 дня", "Later: in 3 days"),
    "offer-later-7": ("Позже: через неделю", "Later: in a week"),
    "offer-later-30": ("Позже: через месяц", "Later: in a month"),
    "offer-decline": ("Отклонить", "Decline"),
    "offer-decline-because": ("Отклонить: {reason}", "Decline: {reason}"),
    "offer-tag-open": ("ждёт ответа", "awaits an answer"),
    "offer-tag-accepted": ("принято", "accepted"),
    "offer-tag-declined": ("отклонено", "declined"),
    "offer-tag-ended": ("закрыто", "closed"),
    "offer-accepted": (
        "Принято: {who}, {at}. Задача – в списке задач исполнителя.",
        "Accepted: {who}, {at}. The task is in the doer's list.",
    ),
    "offer-put-off": ("Отложено до {day}: {who}.", "Put off until {day}: {who}."),
    "offer-put-off-last": (
        "Отложено до {day}: {who}. Больше откладывать нельзя.",
        "Put off until {day}: {who}. It cannot be put off any more.",
    ),
    "offer-declined": ("Отклонено: {who}, {at}.", "Declined: {who}, {at}."),
    "offer-declined-because": ("Отклонено: {who}, {at}. {reason}.", "Declined: {who}, {at}. {reason}."),
    "offer-unclear": (
        "Ответ «{words}» не понят, или так ответить уже нельзя. Завершите ещё раз: одним из слов, названных ниже.",
        "The answer “{words}” is not understood or can't be given any more. Complete it again with a word named below.",
    ),
    "offer-unanswered": (
        "{client}: предложение «{title}» ждёт вашего ответа, срок {due}.",
        "{client}: the proposal “{title}” awaits your answer, due {due}.",
    ),
    "offer-joined": ("Вошло строкой в задачу «{title}».", "It is a line of the task “{title}” now."),
}
