"""Evidence: one observation of one competence, wherever it comes from.

Evidence is an item that was answered: it has a discrimination, difficulties and the category
that was reached, so an assessment answer, a passed exam and a completed unit are folded into the
posterior by the same arithmetic (reference: assessment 3.9). Revoked evidence is skipped.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from competency.items import Model


class Source(StrEnum):
    ASSESSMENT = "assessment"
    LRS = "lrs"
    EXAM = "exam"  # an answer some time after the tutorial
    EXTERNAL = "external"  # a result of another test provider


@dataclass(frozen=True, slots=True)
class Evidence:
    id: str
    source: Source
    competency: str
    kind: str  # item kind, or completion | passed | scored | external
    a: float
    b: tuple[float, ...]
    category: int  # 0..len(b)
    at: datetime  # aware UTC: when it happened
    arrival: int  # order in which it reached us; breaks ties of `at`
    self_report: bool = False
    unit: str = ""  # Lerneinheit, if it comes from learning
    level: int = 0
    model: Model = Model.GRM  # of a and b
    provider: str = ""  # key of the test provider whose result it is
    until: datetime | None = None  # counts no more from then on
    activity: str = ""  # address of what was done in the learning portal

    def order(self) -> tuple[datetime, int, str]:
        return (self.at, self.arrival, self.id)
