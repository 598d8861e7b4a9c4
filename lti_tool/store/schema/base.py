"""The one metadata, naming convention and column shapes of every table.

Times are integer microseconds since 1970 UTC (`…_us`): the same on SQLite and PostgreSQL, exact,
and what the xAPI bridge computes with. JSON columns hold versioned documents, never queried inside.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, MetaData, String, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def uuid_pk(name: str = "id") -> Column[str]:
    return Column(name, String(36), primary_key=True)


def tenant_fk(*, primary_key: bool = False, index: bool = True) -> Column[str]:
    return Column(
        "tenant_id",
        String(36),
        ForeignKey("tenant.id"),
        nullable=False,
        index=index and not primary_key,
        primary_key=primary_key,
    )


def learner_fk(*, nullable: bool = False) -> Column[str]:
    return Column(
        "learner_id",
        String(36),
        ForeignKey("learner.id", ondelete="CASCADE"),
        nullable=nullable,
        index=True,
    )


def instant(name: str, *, nullable: bool = False, index: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, index=index)


def only_where(name: str, *columns: str, where: str) -> Index:
    """Return an index of the few rows that are looked for by it.

    A query uses it only if it says `where` literally: a bound value tells the planner nothing.
    """
    condition = text(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def document(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, JSON, nullable=nullable)
