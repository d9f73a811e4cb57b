"""What changes rarely: account, users, pipelines with statuses, reasons for losing (facts/amocrm.md 3.2-4.2)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response

from connector.sandbox.amocrm.account import Account
from connector.sandbox.amocrm.answers import hal, page_of, whole_list
from connector.sandbox.amocrm.customers import mode_of
from connector.sandbox.amocrm.face import Face, asked_query
from connector.sandbox.amocrm.problems import Problem
from connector.sandbox.amocrm.shapes import loss_reason
from connector.sandbox.records import Pipeline, Stage, User

ROLE = 107_995
"""The id of the heads' role."""
COLOURS = ("#99ccff", "#ffff99", "#ffcc66", "#ffcccc", "#deff81", "#87f2c0")
CODES = {1: "FOLLOW_UP", 2: "MEETING"}
"""Codes of the two task types every account has."""


def add_directory(face: Face) -> None:
    """Hang up the calls that tell about the account itself."""
    teller = _Teller(face.account)
    face.on("GET", "account", teller.account)
    face.on("GET", "users", teller.users, admin=True)
    face.on("GET", "users/<int:number>", teller.user, admin=True)
    face.on("GET", "roles", teller.roles, admin=True)
    face.on("GET", "roles/<int:number>", teller.role, admin=True)
    face.on("GET", "leads/pipelines", teller.pipelines)
    face.on("GET", "leads/pipelines/<int:number>", teller.pipeline)
    face.on("GET", "leads/pipelines/<int:number>/statuses", teller.statuses)
    face.on("GET", "leads/pipelines/<int:number>/statuses/<int:status>", teller.status)
    face.on("GET", "leads/loss_reasons", teller.loss_reasons)
    face.on("GET", "leads/loss_reasons/<int:number>", teller.loss_reason)


class _Teller:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._base = account.base

    def account(self) -> Response:
        """The account, with what `with=` asks for."""
        wanted = asked_query().wanted()
        body: dict[str, Any] = {
            "id": self._account.id,
            "name": self._account.config.name,
            "subdomain": self._account.subdomain,
            "created_at": 1_600_000_000,
            "created_by": 0,
            "updated_at": 1_600_000_000,
            "updated_by": 0,
            "current_user_id": self._account.token_user,
            "country": "RU",
            "currency": "RUB",
            "currency_symbol": "₽",
            "customers_mode": mode_of(self._account),
            "is_unsorted_on": True,
            "mobile_feature_version": 0,
            "is_loss_reason_enabled": True,
            "is_helpbot_enabled": False,
            "is_technical_account": False,
            "contact_name_display_order": 1,
            "_links": self._account.link("account"),
        }
        if "is_api_filter_enabled" in wanted:
            body["is_api_filter_enabled"] = self._account.says("api_filter")
        if "amojo_id" in wanted:
            body["amojo_id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, self._account.subdomain))
        makers = {
            "users_groups": self._groups,
            "task_types": self._task_types,
            "datetime_settings": self._datetime_settings,
        }
        with self._base.lock:
            embedded = {name: make() for name, make in makers.items() if name in wanted}
        return hal({**body, **({"_embedded": embedded} if embedded else {})})

    def users(self) -> Response:
        """The users; dismissed ones stay in the list, not active."""
        with self._base.lock:
            return page_of(
                self._account, asked_query(), "users", list(self._base.users.values()), self._user, counted=True
            )

    def user(self, number: int) -> Response:
        """One user."""
        if number not in self._base.users:
            raise Problem(404, "User is not found")
        return hal(self._user(self._base.users[number]))

    def roles(self) -> Response:
        """The roles: one, of the heads."""
        return page_of(self._account, asked_query(), "roles", [self._role()], dict, counted=True)

    def role(self, number: int) -> Response:
        """One role."""
        if number != ROLE:
            raise Problem(404, "Role is not found")
        return hal(self._role())

    def pipelines(self) -> Response:
        """All pipelines with their statuses; this list has no pages."""
        rows = [self._pipeline(one) for one in self._base.pipelines.values()]
        return whole_list(self._account, "leads/pipelines", "pipelines", rows)

    def pipeline(self, number: int) -> Response:
        """One pipeline."""
        return hal(self._pipeline(self._known(number)))

    def statuses(self, number: int) -> Response:
        """The statuses of one pipeline."""
        pipeline = self._known(number)
        rows = [self._status(pipeline, stage) for stage in pipeline.stages]
        return whole_list(self._account, f"leads/pipelines/{number}/statuses", "statuses", rows)

    def status(self, number: int, status: int) -> Response:
        """One status of one pipeline."""
        pipeline = self._known(number)
        stage = self._account.stage_of(pipeline, status)
        if stage is None:
            raise Problem(404, "Status is not found")
        return hal(self._status(pipeline, stage))

    def loss_reasons(self) -> Response:
        """The reasons for losing."""
        rows = [loss_reason(self._account, number) for number in self._base.loss_reasons]
        return whole_list(self._account, "leads/loss_reasons", "loss_reasons", rows)

    def loss_reason(self, number: int) -> Response:
        """One reason for losing."""
        if number not in self._base.loss_reasons:
            raise Problem(404, "Loss reason is not found")
        return hal(loss_reason(self._account, number))

    def _known(self, number: int) -> Pipeline:
        if number not in self._base.pipelines:
            raise Problem(404, "Pipeline is not found")
        return self._base.pipelines[number]

    def _groups(self) -> list[dict[str, Any]]:
        return [{"id": one.id, "name": one.name, "uuid": None} for one in self._base.departments.values()]

    def _task_types(self) -> list[dict[str, Any]]:
        return [
            {"id": number, "name": name, "color": None, "icon_id": None, "code": CODES.get(number)}
            for number, name in self._base.task_types.items()
        ]

    def _datetime_settings(self) -> dict[str, str]:
        offset = datetime.now(ZoneInfo(self._account.config.zone)).strftime("%z")
        return {
            "date_pattern": "d.m.Y H:i",
            "short_date_pattern": "d.m.Y",
            "short_time_pattern": "H:i",
            "date_formant": "d.m.Y",  # spelled so by amoCRM
            "time_format": "H:i:s",
            "timezone": self._account.config.zone,
            "timezone_offset": f"{offset[:3]}:{offset[3:]}",
        }

    def _user(self, user: User) -> dict[str, Any]:
        department = self._base.departments.get(user.department)
        return {
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "lang": "ru",
            "rights": {
                **self._account.rights_of(user.id),
                "status_rights": None,
                "is_admin": user.role == "admin",
                "is_free": False,
                "is_active": user.active,
                "group_id": user.department or None,
                "role_id": ROLE if user.role == "head" else None,
            },
            "_links": self._account.link(f"users/{user.id}"),
            "_embedded": {
                "roles": [self._role()] if user.role == "head" and "role" in asked_query().wanted() else [],
                "groups": [{"id": department.id, "name": department.name}] if department else [],
            },
        }

    def _role(self) -> dict[str, Any]:
        heads = [user.id for user in self._base.users.values() if user.role == "head"]
        rights = self._account.rights_of(heads[0] if heads else 0)
        return {"id": ROLE, "name": "Руководитель", "rights": rights, "_links": self._account.link(f"roles/{ROLE}")}

    def _pipeline(self, pipeline: Pipeline) -> dict[str, Any]:
        return {
            "id": pipeline.id,
            "name": pipeline.title,
            "sort": pipeline.sort,
            "is_main": pipeline.is_main,
            "is_unsorted_on": any(stage.unsorted for stage in pipeline.stages),
            "is_archive": pipeline.id in self._account.kept.archived,
            "account_id": self._account.id,
            "_links": self._account.link(f"leads/pipelines/{pipeline.id}"),
            "_embedded": {"statuses": [self._status(pipeline, stage) for stage in pipeline.stages]},
        }

    def _status(self, pipeline: Pipeline, stage: Stage) -> dict[str, Any]:
        number = self._account.status_of(pipeline.id, stage.id)
        return {
            "id": number,
            "name": stage.title,
            "sort": {"won": 10000, "lost": 11000}.get(stage.semantic, stage.sort),
            "is_editable": stage.semantic == "open" and not stage.unsorted,
            "pipeline_id": pipeline.id,
            "color": {"won": "#CCFF66", "lost": "#D5D8DB"}.get(stage.semantic, COLOURS[stage.id % len(COLOURS)]),
            "type": 1 if stage.unsorted else 0,
            "account_id": self._account.id,
            "_links": self._account.link(f"leads/pipelines/{pipeline.id}/statuses/{number}"),
        }
