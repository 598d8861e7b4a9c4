"""What one simulated run is: the people, the bank, what the engine believes, how it asks.

Defaults are the reference's 6.3 with prior .75/.60 and binary items. Correlations, cuts and
difficulties are on theta, N(0, 1).
"""

from dataclasses import asdict, dataclass
from enum import StrEnum

DIGCOMP = (3, 6, 4, 4, 4)
#: Cuts are drawn from these: the Soll steps 1 to 4.
CUT_CHOICES = (-1.0, -0.5, 0.0, 0.5)


class Order(StrEnum):
    """How the next question is found."""

    ADAPTIVE = "adaptive"
    RANDOM = "random"
    FIXED = "fixed"  # the same form for everybody, see `form`


class Parameters(StrEnum):
    """Which item parameters the engine works with."""

    TRUE = "true"
    EXPERT = "expert"  # one discrimination for all, difficulties off by N(0, .5)


@dataclass(frozen=True, slots=True)
class Setting:
    """One run. `name` and `label` say which row of which table it is."""

    name: str = ""
    label: str = ""
    seed: int = 7
    persons: int = 400
    questions: int = 60
    areas: tuple[int, ...] = DIGCOMP
    per: int = 10  # items per competence
    categories: int = 2  # 2: 2PL, 5: graded
    discrimination: float = 1.4
    r_within: float = 0.75
    r_between: float = 0.60
    assumed_within: float | None = None  # what the engine believes, if not the truth
    assumed_between: float | None = None
    required: tuple[int, ...] = ()  # positions of competences with a Soll; empty: all
    cuts: tuple[float, ...] = CUT_CHOICES  # each required one's is drawn from these
    order: Order = Order.ADAPTIVE
    parameters: Parameters = Parameters.TRUE
    form_seed: int = 3  # of the fixed form
    form_per: int = 4  # its items per competence
    form_length: int = 82

    @property
    def size(self) -> int:
        """Number of competences."""
        return sum(self.areas)

    @property
    def believed(self) -> tuple[float, float]:
        """Correlations within and across areas that the engine assumes."""
        within = self.r_within if self.assumed_within is None else self.assumed_within
        between = self.r_between if self.assumed_between is None else self.assumed_between
        return within, between

    def document(self) -> dict[str, object]:
        return asdict(self)
