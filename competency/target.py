"""Soll: what a role asks for, and what that means for a person with one or more roles.

A Soll is set per competence ("1.1") or per area ("1"), on four levels or on eight (DigComp 2.2, as
the workshops do it). Stored are steps, see `scale`; an area's Soll is met or not by the area's
score (reference assessment 2.3), never by each of its competences.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from competency.scale import MAX_STEP, check_scale, step_of_level, step_on, value_on


@dataclass(frozen=True, slots=True)
class Soll:
    """Steps 0 to 8 of competences and of areas; missing and 0 mean: not required."""

    competencies: Mapping[str, int] = field(default_factory=dict)
    areas: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def on(
        cls,
        scale: int,
        competencies: Mapping[str, int] | None = None,
        areas: Mapping[str, int] | None = None,
    ) -> "Soll":
        """Return what was set on the scale of four or of eight levels."""
        check_scale(scale)
        return cls(
            {code: step_on(scale, value) for code, value in (competencies or {}).items()},
            {code: step_on(scale, value) for code, value in (areas or {}).items()},
        )

    @classmethod
    def of_document(cls, document: Mapping[str, object]) -> "Soll":
        """Return what `document` wrote.

        :raises ValueError: it is no such document, or a value is not on its scale.
        """
        scale = document.get("scale", MAX_STEP)
        if not isinstance(scale, int):
            raise ValueError("scale: expected 4 or 8")
        parts = (_whole_numbers(document, name) for name in ("competencies", "areas"))
        return cls.on(scale, *parts)

    def document(self, scale: int = MAX_STEP) -> dict[str, object]:
        """Return it as JSON; on four levels the even steps lose half a level."""
        return {
            "scale": scale,
            "competencies": {c: value_on(scale, step) for c, step in self.competencies.items()},
            "areas": {c: value_on(scale, step) for c, step in self.areas.items()},
        }


@dataclass(frozen=True, slots=True)
class RoleProfile:
    """A role and its Soll level (0-4) per competence; 0 means: not required.

    `steps` hold what was set on eight levels and win over `levels`; `areas` ask for whole areas.
    """

    key: str
    title: str
    title_en: str
    hint: str  # one line: what this work is
    hint_en: str
    workplace: str  # desk | non_desk | mixed
    levels: Mapping[str, int]
    additional: bool = False  # comes on top of another role (Digitallots*in)
    general: bool = False  # for whoever finds her work in no other role
    approved: bool = False  # False: "Vorschlag, noch nicht beschlossen"
    steps: Mapping[str, int] = field(default_factory=dict)  # competence -> step 0-8
    areas: Mapping[str, int] = field(default_factory=dict)  # area -> step 0-8
    reason: str = ""  # why the proposal is as it is, in a sentence or two
    reason_en: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)  # the same for single competences
    reasons_en: Mapping[str, str] = field(default_factory=dict)
    version: str = ""  # of the Soll: the pack's, or the number of the approved version
    alike: str = ""  # role whose scenes fit, for a role of a municipality's own
    retired: bool = False  # chosen by nobody new

    @property
    def soll(self) -> Soll:
        """Return the whole Soll in steps."""
        entered = {code: step_of_level(level) for code, level in self.levels.items()}
        return Soll({**entered, **self.steps}, self.areas)

    @property
    def scene(self) -> str:
        """Return the role whose work the questions are set in."""
        return self.alike or self.key

    def with_soll(self, soll: Soll, *, approved: bool) -> "RoleProfile":
        """Return the role with another Soll in place of its own, as a workshop agreed it."""
        steps, areas = dict(soll.competencies), dict(soll.areas)
        return replace(self, levels={}, steps=steps, areas=areas, approved=approved)


@dataclass(frozen=True, slots=True)
class Target:
    """Soll steps (1-8) of what is required, and the role each comes from.

    `steps` are those of competences, `areas` those of whole areas; `sources` names the role of
    either by its code.
    """

    roles: tuple[str, ...]
    steps: Mapping[str, int]
    sources: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)  # missing = 1.0
    approved: bool = False
    version: str = ""  # of the Soll of each role: "GB@2, DL@kommunal-1.1"
    areas: Mapping[str, int] = field(default_factory=dict)
    scenes: tuple[str, ...] = ()  # roles whose work the questions are set in

    @classmethod
    def of(
        cls,
        roles: Iterable[RoleProfile],
        *,
        private: frozenset[str] = frozenset(),
        version: str = "",
    ) -> "Target":
        """Return the highest Soll over the roles; private competences and level 0 are left out."""
        roles = tuple(roles)
        steps, sources = _highest((r.key, r.soll.competencies) for r in roles)
        areas, of_areas = _highest((r.key, r.soll.areas) for r in roles)
        return cls(
            roles=tuple(r.key for r in roles),
            steps={code: step for code, step in steps.items() if code not in private},
            sources={**{c: role for c, role in sources.items() if c not in private}, **of_areas},
            approved=all(r.approved for r in roles),
            version=version or ", ".join(f"{r.key}@{r.version}" for r in roles if r.version),
            areas=areas,
            scenes=tuple(dict.fromkeys(r.scene for r in roles)),
        )


def _highest(
    wanted: Iterable[tuple[str, Mapping[str, int]]],
) -> tuple[dict[str, int], dict[str, str]]:
    """Return the highest step per code, and the first role that asks for it."""
    steps: dict[str, int] = {}
    sources: dict[str, str] = {}
    for role, soll in wanted:
        for code, step in soll.items():
            if step > steps.get(code, 0):
                steps[code], sources[code] = step, role
    return steps, sources


def _whole_numbers(document: Mapping[str, object], name: str) -> dict[str, int]:
    part = document.get(name, {})
    if not isinstance(part, Mapping):
        raise ValueError(f"{name}: expected codes with their values")
    for code, value in part.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{name}: {code}: expected a whole number")
    return dict(part)
