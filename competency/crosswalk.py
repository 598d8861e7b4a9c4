"""DigComp 2.2 and 3.0: the same five areas and 21 competences under the same numbers.

So a Soll from a workshop with DigComp 2.2 (eight levels, often one per area) and one with 3.0
(four levels) say the same thing in other words: the number stays, the level is converted by
`scale`. What a municipality added (area K) is in no DigComp. Only numbers, no texts: licences
differ. Source: reference assessment 2.1 and 2.2. Held against public copies of the text of DigComp
3.0 (JRC144121) on 2026-11-29: its 5 areas and 21 competences have these numbers and, letter for
letter, the English titles of our framework pack; its four levels are also told apart as eight, the
lower and the upper half of each (1 and 2 Basic … 7 and 8 Highly advanced), which is `scale`.
"""

from collections.abc import Mapping

from competency.errors import UnknownCompetency
from competency.scale import MAX_LEVEL, MAX_STEP

#: Competences per area in DigComp 2.2 and 3.0.
AREAS: Mapping[str, int] = {"1": 3, "2": 6, "3": 4, "4": 4, "5": 4}

#: Levels of each framework's scale.
SCALES: Mapping[str, int] = {"digcomp-2.2": MAX_STEP, "digcomp-3.0": MAX_LEVEL}


def in_digcomp(code: str) -> bool:
    """Return whether an area ("4") or competence ("4.2") has this number in DigComp."""
    area, _dot, number = code.partition(".")
    if not number:
        return code in AREAS
    return area in AREAS and number in map(str, range(1, AREAS[area] + 1))


def crosswalk(code: str, source: str, target: str) -> str:
    """Return the code in the other edition: the same number.

    :raises UnknownCompetency: no such edition, or a code that DigComp does not have.
    """
    for edition in (source, target):
        if edition not in SCALES:
            raise UnknownCompetency(f"no framework {edition}; known are {', '.join(SCALES)}")
    if not in_digcomp(code):
        raise UnknownCompetency(f"{code} is not in {source}")
    return code
