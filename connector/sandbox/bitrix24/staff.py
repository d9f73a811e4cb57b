"""Who works here and when: users, departments, calendar settings, schedules (facts/bitrix24.md 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connector.sandbox.bitrix24.call import READINGS, Answer, Call, method
from connector.sandbox.bitrix24.query import Column, run
from connector.sandbox.records import Department, User

_HOURS = {"9": ("9", "18"), "9.00": ("9.00", "18.00"), "9.30": ("9.30", "18.30")}
"""By the reading `working_hours`: how a working day's start and end are written."""
FEASTS = "1.01,2.01,3.01,4.01,5.01,6.01,7.01,8.01,23.02,8.03,1.05,9.05,12.06,4.11"


def _user(user: User) -> dict[str, Any]:
    first, _, last = user.name.partition(" ")
    return {
        "ID": str(user.id),
        "ACTIVE": user.active,
        "NAME": first,
        "LAST_NAME": last,
        "SECOND_NAME": "",
        "EMAIL": user.email,
        "TIME_ZONE": user.zone,
        "IS_ONLINE": "N",
        "TIMESTAMP_X": {},
        "LAST_ACTIVITY_DATE": {},
        "PERSONAL_GENDER": "",
        "PERSONAL_BIRTHDAY": "",
        "PERSONAL_MOBILE": "",
        "WORK_PHONE": "",
        "WORK_POSITION": {"head": "Руководитель отдела", "admin": "Администратор"}.get(user.role, "Менеджер"),
        "UF_EMPLOYMENT_DATE": "",
        "UF_DEPARTMENT": [user.department],
        "USER_TYPE": "employee",
    }


_USER_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda user: user.id),
    "ACTIVE": Column("flag", lambda user: user.active),
    "NAME": Column("text", lambda user: user.name.partition(" ")[0]),
    "LAST_NAME": Column("text", lambda user: user.name.partition(" ")[2]),
    "EMAIL": Column("text", lambda user: user.email),
    "IS_ONLINE": Column("flag", lambda _: False),
    "TIME_ZONE": Column("text", lambda user: user.zone),
    "UF_DEPARTMENT": Column("ints", lambda user: [user.department]),
    "USER_TYPE": Column("text", lambda _: "employee"),
}


def _sorted_by(call: Call, known: dict[str, Column]) -> dict[str, str]:
    """`sort` and `order` are two texts here; some clients send the mapping of other methods, and it works as well."""
    order = call.get("order", call.get("ORDER"))
    if isinstance(order, dict):
        return {name: str(way) for name, way in order.items() if name in known}
    field = str(call.get("sort", call.get("SORT")) or "")
    if field not in known:
        return {}
    way = "DESC" if str(order).upper() == "DESC" else "ASC"
    return {field: way}


@method("user.get")
def user_get(call: Call) -> Answer:
    """Employees by FILTER, the dismissed too; a filter key may stand among the parameters as well."""
    filters = call.mapping("FILTER") or call.mapping("filter")
    alone: dict[str, Any] = {
        name: call.params[name] for name in ("ID", "ACTIVE", "UF_DEPARTMENT", "EMAIL") if name in call.params
    }
    wanted = {name: value for name, value in {**filters, **alone}.items() if name.lstrip("!@%<>=") in _USER_COLUMNS}
    order = _sorted_by(call, _USER_COLUMNS)
    start = call.get("start", call.get("START", 0))
    chosen = [str(name) for name in call.sequence("select") or call.sequence("SELECT")]
    users = call.base.users

    def show(user: User, _: list[str]) -> dict[str, Any]:
        whole = _user(user)
        return whole if not chosen or "*" in chosen else {name: whole[name] for name in chosen if name in whole}

    inner = replace(call, params={"filter": wanted, "order": order, "start": start})
    rows = sorted(users)
    return run(inner, _USER_COLUMNS, lambda after: [users[one] for one in rows if one > after], show, id_name="ID")


@method("user.current")
def user_current(call: Call) -> dict[str, Any]:
    """The user the call is made as."""
    return _user(call.base.users[call.user])


@method("user.admin")
def user_admin(call: Call) -> bool:
    """Whether the caller may manage the settings of applications."""
    return call.admin


@method("profile")
def profile(call: Call) -> dict[str, Any]:
    """The little that every caller may know of himself."""
    user = call.base.users[call.user]
    first, _, last = user.name.partition(" ")
    return {
        "ID": str(user.id),
        "ADMIN": call.admin,
        "NAME": first,
        "LAST_NAME": last,
        "PERSONAL_GENDER": "",
        "TIME_ZONE": user.zone,
    }


_DEPARTMENT_COLUMNS: dict[str, Column] = {
    "ID": Column("int", lambda one: one.id),
    "NAME": Column("text", lambda one: one.name),
    "SORT": Column("int", lambda _: 500),
    "PARENT": Column("int", lambda one: one.parent),
    "UF_HEAD": Column("int", lambda one: one.head),
}


def _department(one: Department) -> dict[str, Any]:
    row: dict[str, Any] = {"ID": str(one.id), "NAME": one.name, "SORT": 500}
    row |= {"PARENT": str(one.parent)} if one.parent else {}
    row |= {"UF_HEAD": str(one.head)} if one.head else {}
    return row


@method("department.get")
def department_get(call: Call) -> Answer:
    """The company's departments; filter keys stand among the parameters."""
    given = {**call.mapping("FILTER"), **call.mapping("filter"), **call.params}
    wanted = {key: one for key, one in given.items() if key.lstrip("!@%<>=") in _DEPARTMENT_COLUMNS}
    if str(wanted.get("SORT", "")) in _DEPARTMENT_COLUMNS:
        del wanted["SORT"]  # here SORT names a column to sort by
    order = _sorted_by(call, _DEPARTMENT_COLUMNS)
    inner = replace(call, params={"filter": wanted, "order": order, "start": call.get("START", call.get("start", 0))})
    departments = call.base.departments
    rows = sorted(departments)
    return run(
        inner,
        _DEPARTMENT_COLUMNS,
        lambda after: [departments[one] for one in rows if one > after],
        lambda one, _: _department(one),
        id_name="ID",
    )


def _hours(call: Call) -> tuple[str, str]:
    return _HOURS[str(call.config.readings.get("working_hours", READINGS["working_hours"]))]


@method("calendar.settings.get")
def calendar_settings(call: Call) -> dict[str, Any]:
    """Working hours, week-ends and feasts of the portal."""
    start, end = _hours(call)
    return {
        "work_time_start": start,
        "work_time_end": end,
        "year_holidays": FEASTS,
        "year_workdays": "",
        "week_holidays": ["SA", "SU"],
        "week_start": "MO",
        "user_name_template": "#NAME# #LAST_NAME#",
        "sync_by_push": False,
        "user_show_login": True,
        "path_to_user": "/company/personal/user/#user_id#/",
        "path_to_user_calendar": "/company/personal/user/#user_id#/calendar/",
        "path_to_vr": "",
        "path_to_rm": "",
        "rm_iblock_type": "",
        "rm_iblock_id": "",
        "dep_manager_sub": True,
        "denied_superpose_types": [],
        "pathes_for_sites": "",
        "forum_id": "8",
        "rm_for_sites": True,
    }


@method("calendar.user.settings.get")
def calendar_user_settings(call: Call) -> dict[str, Any]:
    """The calendar settings of the user the call is made as."""
    name = call.base.users[call.user].zone
    zone = ZoneInfo(name) if name else call.zone
    offset = call.base.clock.now().astimezone(zone).utcoffset() or timedelta()
    return {
        "view": "month",
        "meetSection": "4",
        "crmSection": "4",
        "showDeclined": True,
        "denyBusyInvitation": False,
        "collapseOffHours": "N",
        "showWeekNumbers": "N",
        "showTasks": "Y",
        "syncTasks": "N",
        "showCompletedTasks": "N",
        "lastUsedSection": "false",
        "sendFromEmail": "",
        "defaultSections": {f"user{call.user}": "4"},
        "syncPeriodPast": "3",
        "syncPeriodFuture": "12",
        "defaultReminders": {"fullDay": [], "withTime": [{"type": "min", "count": 15}]},
        "timezoneName": zone.key,
        "timezoneOffsetUTC": int(offset.total_seconds()),
        "timezoneDefaultName": "" if name else zone.key,
        "work_time_start": "9.00",
        "work_time_end": "18.00",
    }


@method("timeman.schedule.get")
def schedule_get(call: Call) -> Any:
    """The only schedule, number 1; `[]` for every other."""
    if str(call.get("id")) != "1":
        return []
    return {
        "ID": 1,
        "NAME": "Для всех сотрудников",
        "SCHEDULE_TYPE": "FIXED",
        "REPORT_PERIOD": "MONTH",
        "REPORT_PERIOD_OPTIONS": {"START_WEEK_DAY": 0},
        "CALENDAR_ID": 1,
        "ALLOWED_DEVICES": {"browser": True},
        "DELETED": "0",
        "IS_FOR_ALL_USERS": True,
        "WORKTIME_RESTRICTIONS": ["[]"],
        "CONTROLLED_ACTIONS": 3,
        "UPDATED_BY": 1,
        "DELETED_BY": 0,
        "DELETED_AT": "",
        "CREATED_BY": 0,
        "SHIFTS": [
            {
                "ID": 1,
                "NAME": "",
                "BREAK_DURATION": 3600,
                "WORK_TIME_START": 9 * 3600,
                "WORK_TIME_END": 18 * 3600,
                "WORK_DAYS": "12345",
                "SCHEDULE_ID": 1,
                "DELETED": False,
            }
        ],
        "CALENDAR": {"ID": 1, "NAME": "", "PARENT_CALENDAR_ID": 0, "SYSTEM_CODE": "", "EXCLUSIONS": []},
    }
