"""What learners share on purpose: rows <-> values. A code is kept as digest and sealed.

The learner's own page shows the code again; whoever types it is known by the digest only.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from lti_tool.ports import Said, Share
from lti_tool.seal import Seal
from lti_tool.store.database import at, upsert, us
from lti_tool.store.schema.core import share


@dataclass(frozen=True, slots=True)
class SqlShares:
    """Implements ports.Shares."""

    conn: Connection
    seal: Seal

    def of(self, learner_id: str) -> tuple[Share, ...]:
        mine = select(share).where(share.c.learner_id == learner_id)
        rows = self.conn.execute(mine.order_by(share.c.shared_us, share.c.id))
        return tuple(self._value(row) for row in rows)

    def save(self, given: Share) -> None:
        code = given.code
        row = {
            "id": given.id,
            "tenant_id": given.tenant_id,
            "learner_id": given.learner_id,
            "recipient": given.recipient,
            "document": _document(given),
            "code_digest": self._digest(code) if code else None,
            "code_sealed": self.seal.seal(code) if code else None,
            "shared_us": us(given.shared),
            "until_us": us(given.until),
        }
        upsert(self.conn, share, row, "id")

    def drop(self, share_id: str) -> None:
        self.conn.execute(delete(share).where(share.c.id == share_id))

    def by_code(self, code: str, now: datetime) -> Share | None:
        good = (share.c.code_digest == self._digest(code), share.c.until_us > us(now))
        row = self.conn.execute(select(share).where(*good)).first()
        return self._value(row) if row else None

    def over(self, now: datetime) -> tuple[Share, ...]:
        rows = self.conn.execute(select(share).where(share.c.until_us <= us(now)))
        return tuple(self._value(row) for row in rows)

    def _digest(self, code: str) -> str:
        return self.seal.digest("share", code)

    def _value(self, row: Row[Any]) -> Share:
        r, kept = row._mapping, row._mapping["document"]
        return Share(
            id=r["id"],
            tenant_id=r["tenant_id"],
            learner_id=r["learner_id"],
            recipient=r["recipient"],
            to=kept["to"],
            topics=tuple(kept["topics"]),
            follow=kept["follow"],
            said=tuple(Said(**s | {"statements": tuple(s["statements"])}) for s in kept["said"]),
            shared=at(r["shared_us"]),
            until=at(r["until_us"]),
            revision=kept["revision"],
            code=self.seal.open(r["code_sealed"]) if r["code_sealed"] else "",
        )


def _document(given: Share) -> dict[str, Any]:
    said = [asdict(s) | {"statements": list(s.statements)} for s in given.said]
    kept = {name: getattr(given, name) for name in ("to", "follow", "revision")}
    return kept | {"topics": list(given.topics), "said": said}
