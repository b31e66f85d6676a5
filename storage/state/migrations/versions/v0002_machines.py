"""Several machines: who visits a source, when a site may be asked, who holds a role."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and tables; rows that are there stay as they are."""
    op.add_column("visits", sa.Column("owner", sa.String(), nullable=True))
    op.add_column("visits", sa.Column("leased_until", sa.String(), nullable=True))
    op.create_table(
        "sites",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("next_at", sa.String(), nullable=False),
        sa.Column("held_until", sa.String(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("site"),
    )
    op.create_index("sites_by_time", "sites", ["next_at"], unique=False)
    op.create_table(
        "leases",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("role"),
    )
