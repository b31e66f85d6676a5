"""Tables of the state database, the same on SQLite and PostgreSQL.

Moments are RFC 3339 text in UTC, which sorts. `doc` is a domain value as JSON; the columns
beside it are copies for finding it. A lease is an owner and the moment it ends.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

__all__ = [
    "ACCOUNT_READINGS",
    "BACKFILLS",
    "BANDS",
    "CHANGED",
    "CREDENTIALS",
    "DEAD_LETTERS",
    "DELIVERIES",
    "EVALUATIONS",
    "INBOX",
    "INCIDENTS",
    "LEASES",
    "MARKS",
    "METADATA",
    "NONCES",
    "REFRESHES",
    "SEEN",
    "SIGNATURES",
    "SILENCES",
    "SITES",
    "SOURCE_HOURS",
    "STORIES",
    "STORY_ALIASES",
    "STORY_MEMBERS",
    "TREND_READINGS",
    "TREND_SPELLS",
    "VISITS",
]

METADATA = MetaData()

# SQLite numbers rows by itself only for INTEGER, not for BIGINT.
_ROW = BigInteger().with_variant(Integer(), "sqlite")

VISITS = Table(
    "visits",
    METADATA,
    Column("source", String, primary_key=True),
    Column("doc", Text),
    Column("posts_matched", BigInteger, nullable=False, server_default="0"),
    Column("owner", String),
    Column("leased_until", String),
)

SITES = Table(
    "sites",
    METADATA,
    Column("site", String, primary_key=True),
    Column("next_at", String, nullable=False),
    Column("held_until", String, nullable=False, server_default=""),
    Index("sites_by_time", "next_at"),
)

LEASES = Table(
    "leases",
    METADATA,
    Column("role", String, primary_key=True),
    Column("owner", String),
    Column("token", BigInteger, nullable=False),
    Column("leased_until", String, nullable=False),
)

SEEN = Table(
    "seen",
    METADATA,
    Column("id", String, primary_key=True),
    Column("text_hash", String, nullable=False),
    Column("engagement_hash", String, nullable=False),
    Column("first_collected_at", String, nullable=False),
    Column("month", String, nullable=False),
    Column("last_seen_at", String, nullable=False),
    Index("seen_by_time", "last_seen_at"),
)

INBOX = Table(
    "inbox",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("mention", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("doc", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("owner", String),
    Column("free_at", String, nullable=False),
    Column("added_at", String, nullable=False),
    Index("inbox_by_mention", "mention", "row"),
    sqlite_autoincrement=True,
)

DEAD_LETTERS = Table(
    "dead_letters",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=False),
    Column("mention", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("doc", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", String, nullable=False),
)

CHANGED = Table(
    "changed",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("mention", String, nullable=False),
    Column("brand", String, nullable=False),
    Column("bucket", String, nullable=False),
    Column("at", String, nullable=False),
    Column("owner", String),
    Column("free_at", String, nullable=False),
    sqlite_autoincrement=True,
)

STORIES = Table(
    "stories",
    METADATA,
    Column("id", String, primary_key=True),
    Column("event_at", String, nullable=False),
    Column("founded_at", String, nullable=False),
)

STORY_MEMBERS = Table(
    "story_members",
    METADATA,
    Column("mention", String, primary_key=True),
    Column("story", String, ForeignKey("stories.id"), nullable=False),
    Column("linked_at", String, nullable=False),
    Index("story_members_by_time", "linked_at"),
)

STORY_ALIASES = Table(
    "story_aliases",
    METADATA,
    Column("alias", String, primary_key=True),
    Column("story", String, ForeignKey("stories.id"), nullable=False),
    Column("merged_at", String, nullable=False),
    Index("story_aliases_by_story", "story"),
)

SIGNATURES = Table(
    "story_signatures",
    METADATA,
    Column("mention", String, primary_key=True),
    Column("story", String, ForeignKey("stories.id"), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("story_signatures_by_story", "story"),
)

BANDS = Table(
    "story_bands",
    METADATA,
    Column("band", String, primary_key=True),
    Column("mention", String, ForeignKey("story_signatures.mention"), nullable=False),
    Column("used_at", String, nullable=False),
    Index("story_bands_by_time", "used_at"),
    Index("story_bands_by_mention", "mention"),
)

_NOT_RESOLVED = text("state <> 'resolved'")

INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("id", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("brand", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("state", String, nullable=False),
    Column("pending_at", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("doc", Text, nullable=False),
    Index("incidents_by_time", "pending_at"),
    Index("incidents_by_state", "state", "pending_at"),
    Index(
        "incidents_one_active",
        "fingerprint",
        unique=True,
        sqlite_where=_NOT_RESOLVED,
        postgresql_where=_NOT_RESOLVED,
    ),
)

EVALUATIONS = Table(
    "evaluations",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("at", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("brand", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("firing", Boolean, nullable=False),
    Column("value", Float, nullable=False),
    Column("expected", Float),
    Column("score", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("incident", String),
    Index("evaluations_by_time", "at"),
    Index("evaluations_by_incident", "incident", "at"),
    Index("evaluations_by_rule", "rule", "at"),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", String, primary_key=True),
    Column("incident", String),
    Column("receiver", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("not_before", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("owner", String),
    Column("leased_until", String),
    Column("doc", Text, nullable=False),
    Index("deliveries_by_key", "incident", "receiver", "channel", "seq"),
    Index("deliveries_by_state", "state", "not_before"),
    Index("deliveries_by_time", "created_at"),
)

SILENCES = Table(
    "silences",
    METADATA,
    Column("id", String, primary_key=True),
    Column("starts_at", String, nullable=False),
    Column("ends_at", String, nullable=False),
    Column("doc", Text, nullable=False),
)

MARKS = Table(
    "marks",
    METADATA,
    Column("name", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("doc", Text, nullable=False, server_default=""),
)

SOURCE_HOURS = Table(
    "source_hours",
    METADATA,
    Column("source", String, primary_key=True),
    Column("hour", String, primary_key=True),
    Column("visits", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Index("source_hours_by_time", "hour"),
)

TREND_SPELLS = Table(
    "trend_spells",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("source", String, nullable=False),
    Column("platform", String, nullable=False),
    Column("title", String, nullable=False),
    Column("entered_at", String, nullable=False),
    Column("stated_at", String),
    Column("last_seen_at", String, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("first_rank", Integer, nullable=False),
    Column("best_rank", Integer, nullable=False),
    Column("best_at", String, nullable=False),
    Column("hot", BigInteger),
    Column("best_hot", BigInteger),
    Column("label", String),
    Column("url", String),
    Column("mention", String, nullable=False),
    Column("history", Integer, nullable=False),
    Column("read_at", String, nullable=False),
    Column("read_rank", Integer, nullable=False),
    Column("read_hot", BigInteger),
    Index("trend_spells_by_time", "last_seen_at"),
    Index("trend_spells_by_source", "source", "last_seen_at"),
    sqlite_autoincrement=True,
)

TREND_READINGS = Table(
    "trend_readings",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("spell", BigInteger, nullable=False),
    Column("at", String, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("hot", BigInteger),
    Column("label", String),
    Index("trend_readings_by_time", "at"),
    Index("trend_readings_by_spell", "spell"),
    sqlite_autoincrement=True,
)

BACKFILLS = Table(
    "backfills",
    METADATA,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("doc", Text, nullable=False),
    Index("backfills_by_state", "state", "source"),
)

REFRESHES = Table(
    "refreshes",
    METADATA,
    Column("mention", String, primary_key=True),
    Column("due_at", String, nullable=False),
    Column("road", String, nullable=False),
    Column("owner", String),
    Column("leased_until", String),
    Column("doc", Text, nullable=False),
    Index("refreshes_by_time", "due_at"),
)

CREDENTIALS = Table(
    "credentials",
    METADATA,
    Column("name", String, primary_key=True),
    Column("doc", Text, nullable=False),
)

ACCOUNT_READINGS = Table(
    "account_readings",
    METADATA,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("platform", String, nullable=False),
    Column("account", String, nullable=False),
    Column("day", String, nullable=False),
    Column("at", String, nullable=False),
    Column("doc", Text, nullable=False),
    Index("account_readings_by_day", "platform", "account", "day", unique=True),
    sqlite_autoincrement=True,
)

NONCES = Table(
    "nonces",
    METADATA,
    Column("nonce", String, primary_key=True),
    Column("at", String, nullable=False),
    Index("nonces_by_time", "at"),
)
