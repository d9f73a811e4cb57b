"""Proposals: what shows them in the CRM, and how they were answered.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def _index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.add_column("asked", sa.Column("offer", sa.Text))
    op.add_column("asked", sa.Column("answer", sa.Text))
    op.add_column("asked", sa.Column("answered_at", MOMENT))
    op.add_column("asked", sa.Column("answered_by", sa.Text))
    op.create_table(
        "answer",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("offer", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("days", sa.Integer),
        sa.Column("pressed_by", sa.Text),
        sa.Column("heard_at", MOMENT, nullable=False),
        sa.Column("taken", sa.Boolean, nullable=False),
    )
    _index_where("answer_to_take", "answer", ["portal", "n"], "NOT taken")
    _index_where("asked_offered", "asked", ["portal", "key"], "state = 'offered'")
    op.create_index("outbox_by_occurrence", "outbox", ["portal", "occurrence"])
