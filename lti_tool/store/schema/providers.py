"""Test providers of a municipality, and the codes by which their files name people."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from lti_tool.store.schema.base import document, instant, learner_fk, metadata, tenant_fk

test_provider = Table(
    "test_provider",
    metadata,
    tenant_fk(primary_key=True),
    Column("key", String(32), primary_key=True),
    Column("version", Integer, nullable=False),  # grows with every change
    document("document"),  # `competency.provider.Provider`
    Column("made_by", String(80), nullable=False),
    instant("made_us"),
    instant("retired_us", nullable=True),
)

test_code = Table(  # a pseudonym for other tests; the person hands it out herself
    "test_code",
    metadata,
    Column("digest", String(64), primary_key=True),
    tenant_fk(),
    learner_fk(),
    Column("sealed", LargeBinary, nullable=False),
    instant("made_us"),
)
