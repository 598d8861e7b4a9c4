"""A pull as one writes it with tincan and SQLAlchemy's ORM: a merge per statement, a commit a page.

The merge is what dedupes. Seven columns are kept, nothing is concluded.

    python -m benchmarks.peers.tincan_orm ENDPOINT DATABASE
"""

import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, String, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from tincan import RemoteLRS

from benchmarks.peers.only_read import LOGIN, PAGE, timed


class Base(DeclarativeBase):
    pass


class Kept(Base):
    __tablename__ = "kept"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    actor: Mapped[str] = mapped_column(Text, index=True)
    verb: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    stored_us: Mapped[int] = mapped_column(BigInteger, index=True)
    timestamp_us: Mapped[int] = mapped_column(BigInteger)


class Place(Base):
    __tablename__ = "place"
    id: Mapped[int] = mapped_column(primary_key=True)
    more: Mapped[str] = mapped_column(Text)


def reader(endpoint: str, url: str) -> Callable[[], int]:
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    lrs = RemoteLRS(endpoint=endpoint, version="1.0.3", username=LOGIN[0], password=LOGIN[1])

    def work() -> int:
        number = 0
        answer = lrs.query_statements({"limit": PAGE, "ascending": True})
        while True:
            assert answer.success, answer.data
            with Session(engine) as session:
                for found in answer.content.statements:
                    session.merge(kept(found))
                session.merge(Place(id=1, more=answer.content.more or ""))
                session.commit()
            number += len(answer.content.statements)
            if not answer.content.more:
                return number
            answer = lrs.more_statements(answer.content.more)

    return work


def kept(found: Any) -> Kept:
    return Kept(
        id=str(found.id),
        actor=f"{found.actor.account.home_page}|{found.actor.account.name}",
        verb=found.verb.id,
        object=found.object.id,
        raw=found.to_json().encode(),
        stored_us=int(found.stored.timestamp() * 1e6),
        timestamp_us=int(found.timestamp.timestamp() * 1e6),
    )


if __name__ == "__main__":
    timed(reader(*sys.argv[1:]))
