"""Questions and their parameters. Data, read from a content pack; scoring is in `scoring`.

Parameters follow the graded response model on theta: P(X >= k) = sigma(a (eta - b_k)),
k = 1..K-1, or the generalised partial credit model: P(X = k) ~ exp sum_{v <= k} a (eta - b_v); with
one b both are the 2PL. eta = theta of the item's competence, plus the learner's
self-report bias for a self-rating.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    SINGLE_CHOICE = "single_choice"
    TRUE_FALSE = "true_false"
    SCENARIO = "scenario"  # single choice with partial credit (points)
    MULTIPLE_RESPONSE = "multiple_response"
    ORDERING = "ordering"
    MATCHING = "matching"
    CATEGORIZE = "categorize"
    HOTSPOT = "hotspot"
    SELF_RATING = "self_rating"
    REFLECTION = "reflection"  # private, never scored (K.1)
    PRACTICAL_TASK = "practical_task"  # self-checked list, counts as self-report


class Model(StrEnum):
    """How chances of categories follow from a and b; with one b the two are the same (2PL)."""

    GRM = "grm"  # graded response
    GPCM = "gpcm"  # generalised partial credit


class Wording(StrEnum):
    """In which words a question was put: parameters hold for one wording until DIF was checked."""

    GERMAN = "de"
    PLAIN = "de-plain"  # Einfache Sprache
    ENGLISH = "en"


class Scene(StrEnum):
    """Whose working day a question is set in, seen from one person's roles."""

    OWN = "own"
    ALL = "all"
    FOREIGN = "foreign"
    UNSAID = "unsaid"  # the pack does not say; nothing is promised

    @property
    def familiar(self) -> bool:
        """Whether the person knows the scene for certain."""
        return self in (Scene.OWN, Scene.ALL)


@dataclass(frozen=True, slots=True)
class Option:
    """One option; which of the last three fields is used depends on the kind."""

    text: str
    correct: bool = False
    points: int = 0
    target: str = ""
    text_en: str = ""
    target_en: str = ""
    text_plain: str = ""  # the same in Einfache Sprache; empty: `text` is plain already


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    competency: str
    level: int  # aimed at, 1-4; 0 for a reflection
    kind: Kind
    stem: str
    options: tuple[Option, ...]
    feedback: str
    a: float  # discrimination, > 0
    b: tuple[float, ...]  # K-1 difficulties, increasing in GRM; empty for a reflection
    roles: frozenset[str] = frozenset()  # whose work the scene is from
    for_all: bool = False  # a scene everybody knows; without roles and this: not said yet
    picture: str = ""  # name of an SVG of the pack; its alt text in `picture_alt`
    picture_alt: str = ""
    topic: str = ""  # two to four words for the page title and the head line
    basis: str = ""  # where the parameters come from ("expert", "vorläufig")
    seconds: int = 35  # expected time to answer
    stem_en: str = ""
    feedback_en: str = ""
    topic_en: str = ""
    picture_alt_en: str = ""
    spots: tuple[tuple[int, int], ...] = field(default=())  # hotspot: x, y in the picture's viewBox
    setting: str = "both"  # desk | no_desk | both: whose working day the question is set in
    source: str = ""
    stem_plain: str = ""  # the same question in Einfache Sprache
    sound: str = ""  # name of a recording of the pack (`sounds/`), per wording
    sound_plain: str = ""
    sound_en: str = ""
    plain: bool = False  # stem, options and feedback are Einfache Sprache as they stand
    learning_outcomes: tuple[str, ...] = ()  # ids of DigComp 3.0, like LO4.1.06
    ai_label: str = ""  # DigComp's label where the question is about AI
    model: Model = Model.GRM  # of a and b

    @property
    def categories(self) -> int:
        return len(self.b) + 1

    @property
    def self_report(self) -> bool:
        return self.kind in (Kind.SELF_RATING, Kind.PRACTICAL_TASK)

    @property
    def scored(self) -> bool:
        return self.kind is not Kind.REFLECTION

    @property
    def has_plain(self) -> bool:
        """Whether it reads differently in Einfache Sprache."""
        return bool(self.stem_plain) or any(o.text_plain for o in self.options)

    def wording(self, language: str, *, plain: bool) -> Wording:
        """Return the words somebody gets who reads this language, in Einfache Sprache or not."""
        if language == "en" and self.stem_en:
            return Wording.ENGLISH
        return Wording.PLAIN if language == "de" and plain and self.has_plain else Wording.GERMAN

    def scene(self, roles: Collection[str]) -> Scene:
        """Return how near the question's scene is to the work of somebody with these roles."""
        if self.for_all:
            return Scene.ALL
        if not self.roles:
            return Scene.UNSAID
        return Scene.OWN if self.roles.intersection(roles) else Scene.FOREIGN
