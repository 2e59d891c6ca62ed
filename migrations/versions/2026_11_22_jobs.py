"""jobs"""

from alembic import op
import sqlalchemy as sa
import app.core.models

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('change_epochs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('changed_xid', app.core.models.Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_epochs')),
    sa.UniqueConstraint('number', name=op.f('uq_change_epochs_number'))
    )
    op.create_index('ix_change_epochs_changed_xid', 'change_epochs', ['changed_xid', 'id'], unique=False)
    op.create_table('jobs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('changed_xid', app.core.models.Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('every_seconds', sa.Integer(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.String(length=100), nullable=True),
    sa.Column('failure_count', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('worker', sa.Uuid(), nullable=True),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs')),
    sa.UniqueConstraint('name', name=op.f('uq_jobs_name'))
    )
    op.create_index('ix_jobs_changed_xid', 'jobs', ['changed_xid', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_jobs_changed_xid', table_name='jobs')
    op.drop_table('jobs')
    op.drop_index('ix_change_epochs_changed_xid', table_name='change_epochs')
    op.drop_table('change_epochs')
