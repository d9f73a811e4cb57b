"""All tables. Every primary key begins with the portal; tenants meet nowhere.

Two kinds of time: a `Moment` is business time (UTC); columns that end in `_real` are seconds since the epoch of real
time, for leases, limits and quarantines.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, Texts

metadata = sa.MetaData()
real_time = sa.Double


def _portal() -> sa.Column[str]:
    return sa.Column("portal", sa.Text, primary_key=True)


def _index_where(name: str, where: str, *columns: str) -> sa.Index:
    """A partial index. `where` holds literals, never bound values: with `state < ?` SQLite scans (engine.md 5)."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


portal = sa.Table(
    "portal",
    metadata,
    _portal(),
    sa.Column("crm", sa.Text, nullable=False),
    sa.Column("account", sa.Text),
    sa.Column("zone", sa.Text),
    sa.Column("directory", sa.JSON(none_as_null=True)),
    sa.Column("directory_at", Moment),
    sa.Column("regulation", sa.Text),
    sa.Column("problem", sa.Text),
    sa.Column("parked_until_real", real_time, nullable=False, server_default="0"),
    # the limiter: GCRA's "theoretical arrival time" of the next request
    sa.Column("rate", real_time, nullable=False),
    sa.Column("burst", sa.Integer, nullable=False),
    sa.Column("arrival_real", real_time, nullable=False, server_default="0"),
    # the lane
    sa.Column("lease_by", sa.Text),
    sa.Column("lease_until_real", real_time, nullable=False, server_default="0"),
    sa.Column("rung_until_real", real_time, nullable=False, server_default="0"),
    # the regular reconciliation (NULL: never yet), and the earliest one wished for since the last one began
    sa.Column("reconcile_at", Moment),
    sa.Column("wished_at", Moment),
    sa.Column("unreadable", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("unreadable_at", Moment),
    # the last number given to a row of outbox, regulation or audit: their order
    sa.Column("counter", sa.BigInteger, nullable=False, server_default="0"),
    # the host it answers at since it moved, and the host of the settings that it moved from
    sa.Column("host", sa.Text),
    sa.Column("host_was", sa.Text),
)

install = sa.Table(
    "install",
    metadata,
    _portal(),
    sa.Column("member_id", sa.Text, nullable=False),
    # secrets as ciphertext only; empty where there is none
    sa.Column("application_token", sa.Text, nullable=False),
    sa.Column("access", sa.Text, nullable=False),
    sa.Column("refresh", sa.Text, nullable=False),
    # grows with every pair of tokens that is stored
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("expires_real", real_time, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text),
    sa.Column("installed_at", Moment, nullable=False),
    sa.Column("removed_at", Moment),
    # removed together with all traces: whoever takes the lane next forgets what we know of the portal
    sa.Column("clean", sa.Boolean, nullable=False, server_default=sa.false()),
    # one renewal at a time; and when the OAuth server refused this pair
    sa.Column("lock_by", sa.Text),
    sa.Column("lock_until_real", real_time, nullable=False, server_default="0"),
    sa.Column("refused_real", real_time, nullable=False, server_default="0"),
    # when the event subscriptions were looked at; 0: they are to be looked at now
    sa.Column("hooks_real", real_time, nullable=False, server_default="0"),
)

dirty = sa.Table(
    "dirty",
    metadata,
    _portal(),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("first_at", Moment, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Index("dirty_by_age", "portal", "first_at", "ref"),
)

cursor = sa.Table(
    "cursor",
    metadata,
    _portal(),
    sa.Column("feed", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("stored_at", Moment, nullable=False),
)

fact = sa.Table(
    "fact",
    metadata,
    _portal(),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("links", Texts, nullable=False),
    sa.Column("changed", Moment, nullable=False),
    sa.Column("gone", sa.Boolean, nullable=False),
    # of body, links and gone: equal means that nothing was said anew
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("read_at", Moment, nullable=False),
)

link = sa.Table(
    "link",
    metadata,
    _portal(),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Index("link_by_target", "portal", "target", "kind"),
)

client = sa.Table(
    "client",
    metadata,
    _portal(),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("to_judge", sa.Boolean, nullable=False),
    sa.Column("recheck_at", Moment),
    sa.Column("judged_at", Moment),
    sa.Column("regulation", sa.Text),
    _index_where("client_to_judge", "to_judge", "portal", "seq"),
    _index_where("client_by_time", "recheck_at IS NOT NULL", "portal", "recheck_at"),
)

MARKED: sa.ColumnElement[bool] = sa.literal_column("client.to_judge")
"""As the partial index says it. Without a type: of a Boolean SQLAlchemy makes `to_judge = 1`, which is not the same."""

asked = sa.Table(
    "asked",
    metadata,
    _portal(),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("occurrence", sa.Text, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("rule_digest", sa.Text, nullable=False),
    sa.Column("anchor_at", Moment, nullable=False),
    sa.Column("notice_days", sa.Integer),
    sa.Column("planned_at", Moment, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("promise_at", Moment, nullable=False),
    sa.Column("kinds", Texts, nullable=False),
    sa.Column("steps", sa.JSON, nullable=False),
    sa.Column("lapse_at", Moment),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("assignee", sa.Text),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("task_id", sa.Text),
    sa.Column("joined", sa.Text),
    sa.Column("edited", sa.Boolean, nullable=False),
    sa.Column("later", sa.Integer, nullable=False),
    sa.Column("later_until", sa.Date),
    sa.Column("reminded_at", Moment),
    sa.Column("gaps", Texts, nullable=False),
    sa.Column("settled_at", Moment),
    sa.Column("proof", Texts, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("withdrawn_at", Moment),
    sa.Column("reopened", sa.Integer, nullable=False),
    sa.Column("offer", sa.Text),
    sa.Column("answer", sa.Text),
    sa.Column("answered_at", Moment),
    sa.Column("answered_by", sa.Text),
    sa.Index("asked_by_client", "portal", "client"),
    sa.Index("asked_by_day", "portal", "asked_at"),
    _index_where("asked_by_joined", "joined IS NOT NULL", "portal", "joined"),
    _index_where("asked_offered", "state = 'offered'", "portal", "key"),
)

answer = sa.Table(
    "answer",
    metadata,
    _portal(),
    sa.Column("n", sa.BigInteger, primary_key=True),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("offer", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("days", sa.Integer),
    sa.Column("pressed_by", sa.Text),
    # when the webhook was heard: of the machine's clock, like the bells
    sa.Column("heard_at", Moment, nullable=False),
    # judged, or about nothing that we know
    sa.Column("taken", sa.Boolean, nullable=False),
    _index_where("answer_to_take", "NOT taken", "portal", "n"),
)

verdict = sa.Table(
    "verdict",
    metadata,
    _portal(),
    sa.Column("client", sa.Text, primary_key=True),
    sa.Column("verdicts", sa.JSON, nullable=False),
    sa.Column("judged_at", Moment, nullable=False),
    sa.Column("regulation", sa.Text, nullable=False),
)

score = sa.Table(
    "score",
    metadata,
    _portal(),
    sa.Column("client", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("fill", sa.Integer, nullable=False),
    sa.Column("weighted", sa.Integer, nullable=False),
    sa.Column("filled", sa.Integer, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("gaps", Texts, nullable=False),
    sa.Column("effect", sa.Text),
)

UNSETTLED = "state IN ('new', 'sending')"
"""What the partial indexes of the outbox and every query over it say word by word."""


def unsettled(alias: str = "outbox") -> sa.ColumnElement[bool]:
    """Whether a row of the outbox, under this name in a query, is not settled yet."""
    return sa.literal_column(f"{alias}.{UNSETTLED}")


outbox = sa.Table(
    "outbox",
    metadata,
    _portal(),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("occurrence", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("effect", sa.JSON, nullable=False),
    # new · sending (perhaps applied, until settled) · done · dead
    sa.Column("state", sa.Text, nullable=False),
    # it works on a task whose id only the ledger can tell
    sa.Column("needs_task", sa.Boolean, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("not_before_real", real_time, nullable=False),
    sa.Column("first_try_real", real_time),
    sa.Column("remote_id", sa.Text),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("settled_at", Moment),
    _index_where("outbox_unsettled", UNSETTLED, "portal", "occurrence", "n"),
    _index_where("outbox_in_order", UNSETTLED, "portal", "n"),
    _index_where("outbox_dead", "state = 'dead'", "portal", "n"),
    sa.Index("outbox_by_occurrence", "portal", "occurrence"),
)

used_token = sa.Table(
    "used_token",
    metadata,
    _portal(),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("until_real", real_time, nullable=False),
)

regulation = sa.Table(
    "regulation",
    metadata,
    _portal(),
    sa.Column("n", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("dossier_text", sa.Text, nullable=False),
)

rule = sa.Table(
    "rule",
    metadata,
    _portal(),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("since", Moment, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    _portal(),
    sa.Column("n", sa.BigInteger, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
)
