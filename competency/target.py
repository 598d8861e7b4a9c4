"""Soll: what a role asks for, and what that means for a person with one or more roles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from competency.scale import step_of_level


@dataclass(frozen=True, slots=True)
class RoleProfile:
    """A role and its Soll level (0-4) per competence; 0 means: not required."""

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


@dataclass(frozen=True, slots=True)
class Target:
    """Soll steps (1-8) of the competences that are required, and the role each comes from."""

    roles: tuple[str, ...]
    steps: Mapping[str, int]
    sources: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)  # missing = 1.0
    approved: bool = False
    version: str = ""

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
        steps: dict[str, int] = {}
        sources: dict[str, str] = {}
        for role in roles:
            for code, level in role.levels.items():
                step = step_of_level(level)
                if code not in private and step > steps.get(code, 0):
                    steps[code], sources[code] = step, role.key
        return cls(
            roles=tuple(r.key for r in roles),
            steps=steps,
            sources=sources,
            approved=all(r.approved for r in roles),
            version=version,
        )
