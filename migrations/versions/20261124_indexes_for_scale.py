"""indexes for scale

What is asked on every page, every pull and every purge finds its rows without reading a table of
millions; what no query used (another key begins with it) goes. No table is copied.
"""

import sqlalchemy as sa
from alembic import op

revision = "8feda6723ebe"
down_revision = "71d98b9dc17c"
branch_labels = None
depends_on = None

# name -> table, columns, only where
NEW = {
    "ix_learner_last_seen_us": ("learner", ["last_seen_us"], None),
    "ix_identity_digest": ("identity", ["digest"], None),
    "ix_identity_came": ("identity", ["tenant_id", "created_us"], None),
    "ix_attempt_touched_us": ("attempt", ["touched_us"], None),
    "ix_question_answers": ("question", ["answered_us"], "response IS NOT NULL"),
    "ix_reflection_answered_us": ("reflection", ["answered_us"], None),
    "ix_evidence_eff_us": ("evidence", ["eff_us"], None),
    "ix_profile_computed_us": ("profile", ["computed_us"], None),
    "ix_recommendation_made_us": ("recommendation", ["made_us"], None),
    "ix_path_made_us": ("path", ["made_us"], None),
    "ix_outbox_due": ("outbox", ["state", "next_us"], None),
    "ix_outbox_delivered_us": ("outbox", ["delivered_us"], None),
    "ix_job_due": ("job", ["state", "run_after_us"], None),
    "ix_launch_created_us": ("launch", ["created_us"], None),
    "ix_statement_waiting": ("statement", ["state", "lrs_id", "received_us"], "state <> 'kept'"),
    "ix_statement_flagged": ("statement", ["lrs_id", "received_us"], "flags <> ''"),
    "ix_statement_raw": ("statement", ["received_us"], "raw IS NOT NULL"),
    "ix_statement_actor_key": ("statement", ["actor_key"], "actor_key IS NOT NULL"),
    "ix_void_target_id": ("void", ["target_id"], None),
    "ix_quarantine_first_seen_us": ("quarantine", ["first_seen_us"], None),
    "ix_xapi_link_stored_us": ("xapi_link", ["stored_us"], None),
}
OLD = {
    "ix_evidence_tenant_id": ("evidence", ["tenant_id"], None),
    "ix_evidence_statement_id": ("evidence", ["statement_id"], None),
    "ix_identity_tenant_id": ("identity", ["tenant_id"], None),
    "ix_outbox_state": ("outbox", ["state"], None),
    "ix_job_run_after_us": ("job", ["run_after_us"], None),
    "ix_statement_received_us": ("statement", ["received_us"], None),
}


def upgrade() -> None:
    _drop(OLD)
    _create(NEW)


def downgrade() -> None:
    _drop(NEW)
    _create(OLD)


def _create(indexes) -> None:
    for name, (table, columns, where) in indexes.items():
        only = sa.text(where) if where else None
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)


def _drop(indexes) -> None:
    for name, (table, _, _) in indexes.items():
        op.drop_index(name, table_name=table)
