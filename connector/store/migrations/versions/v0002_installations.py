"""Installed applications, and the host that a portal moved to.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("portal", sa.Column("host", sa.Text))
    op.add_column("portal", sa.Column("host_was", sa.Text))
    op.create_table(
        "install",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("member_id", sa.Text, nullable=False),
        sa.Column("application_token", sa.Text, nullable=False),
        sa.Column("access", sa.Text, nullable=False),
        sa.Column("refresh", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("expires_real", sa.Double, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("installed_at", MOMENT, nullable=False),
        sa.Column("removed_at", MOMENT),
        sa.Column("clean", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("lock_by", sa.Text),
        sa.Column("lock_until_real", sa.Double, nullable=False, server_default="0"),
        sa.Column("refused_real", sa.Double, nullable=False, server_default="0"),
        sa.Column("hooks_real", sa.Double, nullable=False, server_default="0"),
    )
