"""What sources need to be more than addresses: hot lists, backfills, re-reading, credentials, accounts, partners."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; they are empty at first."""
    op.create_table(
        "source_hours",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("hour", sa.String(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "hour"),
    )
    op.create_index("source_hours_by_time", "source_hours", ["hour"])
    op.create_table(
        "trend_spells",
        sa.Column("row", _ROW, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("entered_at", sa.String(), nullable=False),
        sa.Column("stated_at", sa.String()),
        sa.Column("last_seen_at", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("first_rank", sa.Integer(), nullable=False),
        sa.Column("best_rank", sa.Integer(), nullable=False),
        sa.Column("best_at", sa.String(), nullable=False),
        sa.Column("hot", sa.BigInteger()),
        sa.Column("best_hot", sa.BigInteger()),
        sa.Column("label", sa.String()),
        sa.Column("url", sa.String()),
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("history", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.String(), nullable=False),
        sa.Column("read_rank", sa.Integer(), nullable=False),
        sa.Column("read_hot", sa.BigInteger()),
        sa.PrimaryKeyConstraint("row"),
        sqlite_autoincrement=True,
    )
    op.create_index("trend_spells_by_time", "trend_spells", ["last_seen_at"])
    op.create_index("trend_spells_by_source", "trend_spells", ["source", "last_seen_at"])
    op.create_table(
        "trend_readings",
        sa.Column("row", _ROW, autoincrement=True, nullable=False),
        sa.Column("spell", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("hot", sa.BigInteger()),
        sa.Column("label", sa.String()),
        sa.PrimaryKeyConstraint("row"),
        sqlite_autoincrement=True,
    )
    op.create_index("trend_readings_by_time", "trend_readings", ["at"])
    op.create_index("trend_readings_by_spell", "trend_readings", ["spell"])
    op.create_table(
        "backfills",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("backfills_by_state", "backfills", ["state", "source"])
    op.create_table(
        "refreshes",
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("due_at", sa.String(), nullable=False),
        sa.Column("road", sa.String(), nullable=False),
        sa.Column("owner", sa.String()),
        sa.Column("leased_until", sa.String()),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mention"),
    )
    op.create_index("refreshes_by_time", "refreshes", ["due_at"])
    op.create_table(
        "credentials",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "account_readings",
        sa.Column("row", _ROW, autoincrement=True, nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
        sqlite_autoincrement=True,
    )
    op.create_index("account_readings_by_day", "account_readings", ["platform", "account", "day"], unique=True)
    op.create_table(
        "nonces",
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("nonce"),
    )
    op.create_index("nonces_by_time", "nonces", ["at"])
