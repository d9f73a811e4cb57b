"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def _index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "portal",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("crm", sa.Text, nullable=False),
        sa.Column("account", sa.Text),
        sa.Column("zone", sa.Text),
        sa.Column("directory", sa.JSON),
        sa.Column("directory_at", MOMENT),
        sa.Column("regulation", sa.Text),
        sa.Column("problem", sa.Text),
        sa.Column("parked_until_real", sa.Double, nullable=False, server_default="0"),
        sa.Column("rate", sa.Double, nullable=False),
        sa.Column("burst", sa.Integer, nullable=False),
        sa.Column("arrival_real", sa.Double, nullable=False, server_default="0"),
        sa.Column("lease_by", sa.Text),
        sa.Column("lease_until_real", sa.Double, nullable=False, server_default="0"),
        sa.Column("rung_until_real", sa.Double, nullable=False, server_default="0"),
        sa.Column("reconcile_at", MOMENT),
        sa.Column("wished_at", MOMENT),
        sa.Column("unreadable", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("unreadable_at", MOMENT),
        sa.Column("counter", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_table(
        "dirty",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
    )
    op.create_index("dirty_by_age", "dirty", ["portal", "first_at", "ref"])
    op.create_table(
        "cursor",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("feed", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("stored_at", MOMENT, nullable=False),
    )
    op.create_table(
        "fact",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("links", sa.JSON, nullable=False),
        sa.Column("changed", MOMENT, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("read_at", MOMENT, nullable=False),
    )
    op.create_table(
        "link",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
    )
    op.create_index("link_by_target", "link", ["portal", "target", "kind"])
    op.create_table(
        "client",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("to_judge", sa.Boolean, nullable=False),
        sa.Column("recheck_at", MOMENT),
        sa.Column("judged_at", MOMENT),
        sa.Column("regulation", sa.Text),
    )
    _index_where("client_by_time", "client", ["portal", "recheck_at"], "recheck_at IS NOT NULL")
    _index_where("client_to_judge", "client", ["portal", "seq"], "to_judge")
    op.create_table(
        "asked",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("occurrence", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("rule_digest", sa.Text, nullable=False),
        sa.Column("anchor_at", MOMENT, nullable=False),
        sa.Column("notice_days", sa.Integer),
        sa.Column("planned_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("promise_at", MOMENT, nullable=False),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("lapse_at", MOMENT),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("assignee", sa.Text),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("task_id", sa.Text),
        sa.Column("joined", sa.Text),
        sa.Column("edited", sa.Boolean, nullable=False),
        sa.Column("later", sa.Integer, nullable=False),
        sa.Column("later_until", sa.Date),
        sa.Column("reminded_at", MOMENT),
        sa.Column("gaps", sa.JSON, nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.Column("proof", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("withdrawn_at", MOMENT),
        sa.Column("reopened", sa.Integer, nullable=False),
    )
    op.create_index("asked_by_client", "asked", ["portal", "client"])
    op.create_index("asked_by_day", "asked", ["portal", "asked_at"])
    _index_where("asked_by_joined", "asked", ["portal", "joined"], "joined IS NOT NULL")
    op.create_table(
        "verdict",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("verdicts", sa.JSON, nullable=False),
        sa.Column("judged_at", MOMENT, nullable=False),
        sa.Column("regulation", sa.Text, nullable=False),
    )
    op.create_table(
        "score",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("fill", sa.Integer, nullable=False),
        sa.Column("weighted", sa.Integer, nullable=False),
        sa.Column("filled", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("gaps", sa.JSON, nullable=False),
        sa.Column("effect", sa.Text),
    )
    op.create_table(
        "outbox",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("occurrence", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("effect", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("needs_task", sa.Boolean, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("not_before_real", sa.Double, nullable=False),
        sa.Column("first_try_real", sa.Double),
        sa.Column("remote_id", sa.Text),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT),
    )
    _index_where("outbox_dead", "outbox", ["portal", "n"], "state = 'dead'")
    _index_where("outbox_in_order", "outbox", ["portal", "n"], "state IN ('new', 'sending')")
    _index_where("outbox_unsettled", "outbox", ["portal", "occurrence", "n"], "state IN ('new', 'sending')")
    op.create_table(
        "regulation",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("dossier_text", sa.Text, nullable=False),
    )
    op.create_table(
        "rule",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("since", MOMENT, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
    )
