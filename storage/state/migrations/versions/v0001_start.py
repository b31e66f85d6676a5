"""The first form of the state database."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _queue()
    _stories()
    _desk()
    _outbox()


def _queue() -> None:
    op.create_table(
        "visits",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=True),
        sa.Column("posts_matched", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "seen",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("engagement_hash", sa.String(), nullable=False),
        sa.Column("first_collected_at", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("last_seen_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("seen_by_time", "seen", ["last_seen_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("free_at", sa.String(), nullable=False),
        sa.Column("added_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
        sqlite_autoincrement=True,
    )
    op.create_index("inbox_by_mention", "inbox", ["mention", "row"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
    )
    op.create_table(
        "changed",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("bucket", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("free_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
        sqlite_autoincrement=True,
    )


def _stories() -> None:
    op.create_table(
        "stories",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_at", sa.String(), nullable=False),
        sa.Column("founded_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "story_members",
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("story", sa.String(), nullable=False),
        sa.Column("linked_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story"],
            ["stories.id"],
        ),
        sa.PrimaryKeyConstraint("mention"),
    )
    op.create_index("story_members_by_time", "story_members", ["linked_at"], unique=False)
    op.create_table(
        "story_aliases",
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("story", sa.String(), nullable=False),
        sa.Column("merged_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story"],
            ["stories.id"],
        ),
        sa.PrimaryKeyConstraint("alias"),
    )
    op.create_index("story_aliases_by_story", "story_aliases", ["story"], unique=False)
    op.create_table(
        "story_signatures",
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("story", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story"],
            ["stories.id"],
        ),
        sa.PrimaryKeyConstraint("mention"),
    )
    op.create_index("story_signatures_by_story", "story_signatures", ["story"], unique=False)
    op.create_table(
        "story_bands",
        sa.Column("band", sa.String(), nullable=False),
        sa.Column("mention", sa.String(), nullable=False),
        sa.Column("used_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mention"],
            ["story_signatures.mention"],
        ),
        sa.PrimaryKeyConstraint("band"),
    )
    op.create_index("story_bands_by_mention", "story_bands", ["mention"], unique=False)
    op.create_index("story_bands_by_time", "story_bands", ["used_at"], unique=False)


def _desk() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("pending_at", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("incidents_by_state", "incidents", ["state", "pending_at"], unique=False)
    op.create_index("incidents_by_time", "incidents", ["pending_at"], unique=False)
    op.create_index(
        "incidents_one_active",
        "incidents",
        ["fingerprint"],
        unique=True,
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_table(
        "evaluations",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("firing", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=True),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("incident", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("row"),
    )
    op.create_index("evaluations_by_incident", "evaluations", ["incident", "at"], unique=False)
    op.create_index("evaluations_by_rule", "evaluations", ["rule", "at"], unique=False)
    op.create_index("evaluations_by_time", "evaluations", ["at"], unique=False)


def _outbox() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=True),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("not_before", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("leased_until", sa.String(), nullable=True),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deliveries_by_key", "deliveries", ["incident", "receiver", "channel", "seq"], unique=False)
    op.create_index("deliveries_by_state", "deliveries", ["state", "not_before"], unique=False)
    op.create_index("deliveries_by_time", "deliveries", ["created_at"], unique=False)
    op.create_table(
        "silences",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("starts_at", sa.String(), nullable=False),
        sa.Column("ends_at", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
