"""Invented names of firms and people, and the portal's fixed staff, pipelines and lists."""

from __future__ import annotations

from connector.sandbox.base import Base
from connector.sandbox.records import Department, Pipeline, Stage, User

FIRST = [
    "Андрей",
    "Борис",
    "Виктор",
    "Григорий",
    "Денис",
    "Евгений",
    "Иван",
    "Кирилл",
    "Леонид",
    "Максим",
    "Николай",
    "Олег",
    "Пётр",
    "Роман",
    "Станислав",
]
LAST = [
    "Абрамов",
    "Баранов",
    "Воронин",
    "Гусев",
    "Данилов",
    "Ершов",
    "Жуков",
    "Зуев",
    "Ильин",
    "Киселёв",
    "Логинов",
    "Макаров",
    "Носов",
    "Осипов",
    "Панов",
    "Рябов",
    "Седов",
    "Титов",
    "Уваров",
    "Фролов",
    "Хохлов",
    "Цветков",
    "Чернов",
    "Шубин",
    "Щукин",
    "Юдин",
    "Яшин",
]
STEMS = [
    "Алмаз",
    "Байкал",
    "Восток",
    "Горизонт",
    "Дельта",
    "Енисей",
    "Заря",
    "Импульс",
    "Каскад",
    "Лидер",
    "Магнит",
    "Новатор",
    "Олимп",
    "Прогресс",
    "Ритм",
    "Сокол",
    "Темп",
    "Урал",
    "Фактор",
    "Хорда",
    "Центр",
    "Эталон",
    "Юпитер",
    "Янтарь",
]
ENDINGS = ["", "-Снаб", "-Пром", "-Инвест", "-Сервис", "-Торг", "-Монтаж", "-Логистик"]

STAFF: list[tuple[int, str, str, int, str]] = [
    (1, "Алексей Громов", "admin", 1, ""),
    (2, "Марина Соколова", "head", 2, ""),
    (3, "Игорь Лебедев", "manager", 2, ""),
    (4, "Анна Крылова", "manager", 2, ""),
    (5, "Павел Зимин", "head", 3, ""),
    (6, "Елена Орлова", "manager", 3, ""),
    (7, "Дмитрий Белов", "manager", 3, "Asia/Yekaterinburg"),
    (8, "Сергей Фомин", "manager", 3, ""),
]
DISMISSED = 8
HUNTERS = (3, 4)
KEEPERS = (6, 7)
DEPARTMENTS = [(1, "Кедр", None, 1), (2, "Отдел активных продаж", 1, 2), (3, "Отдел по работе с клиентами", 1, 5)]

_SALE = [
    ("NEW", "Новая заявка"),
    ("QUALIFY", "Квалификация"),
    ("OFFER", "КП отправлено"),
    ("NEGOTIATE", "Согласование"),
    ("PAYMENT", "Счёт выставлен"),
    ("DELIVERY", "Отгрузка"),
]
_REPEAT = [
    ("NEW", "Новая потребность"),
    ("OFFER", "КП отправлено"),
    ("NEGOTIATE", "Согласование"),
    ("PAYMENT", "Счёт выставлен"),
]
_SERVICE = [("NEW", "Новая заявка"), ("DELIVERY", "Работы на объекте")]
PIPELINES = [("Продажи B2B", _SALE), ("Повторные продажи", _REPEAT), ("Сервис", _SERVICE)]
LOSS_REASONS = ["Дорого", "Не сейчас", "Выбрали другого", "Нет связи", "Не наш клиент"]


def hire(base: Base) -> None:
    """Departments and users: an administrator, two heads, four managers, one manager who was dismissed."""
    for department, name, parent, head in DEPARTMENTS:
        base.departments[department] = Department(id=department, name=name, parent=parent, head=head)
    for user, name, role, department, zone in STAFF:
        base.users[user] = User(
            id=user,
            name=name,
            role="admin" if role == "admin" else "head" if role == "head" else "manager",
            department=department,
            email=f"user{user}@kedr.example",
            active=user != DISMISSED,
            zone=zone,
        )


def lay_pipelines(base: Base) -> None:
    """Three pipelines, each with its unsorted, won and lost stages; and the reasons of a loss."""
    for number, (title, columns) in enumerate(PIPELINES, start=1):
        rows = [
            ("UNSORTED", "Неразобранное"),
            *columns,
            ("WON", "Успешно реализовано"),
            ("LOSE", "Закрыто и не реализовано"),
        ]
        stages = [
            Stage(
                id=base.new_id("stage"),
                code=code,
                title=name,
                semantic="won" if code == "WON" else "lost" if code == "LOSE" else "open",
                sort=place * 10,
                unsorted=code == "UNSORTED",
            )
            for place, (code, name) in enumerate(rows)
        ]
        base.pipelines[number] = Pipeline(id=number, title=title, sort=number * 100, is_main=number == 1, stages=stages)
    base.loss_reasons = dict(enumerate(LOSS_REASONS, start=1))
