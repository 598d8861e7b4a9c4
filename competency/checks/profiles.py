"""Framework and roles: titles, plain sentences, a Soll with its reason for every competence."""

import csv
import io
from collections.abc import Iterable, Iterator

from competency.checks.findings import ERROR, WARNING, Finding, plain, titles
from competency.framework import Framework
from competency.manifest import Pack
from competency.target import RoleProfile

SOLL_FILE = "soll.csv"
LONGEST_SHORT = 11  # what fits beside the net of areas
#: Everybody needs these: safe devices, personal data, knowing what to learn (content-draft README).
NEEDED_BY_ALL = ("4.1", "4.2", "5.4")


def check_framework(framework: Framework) -> Iterator[Finding]:
    """Yield what is wrong with areas and competences."""
    for area in framework.areas:
        where = f"framework: area {area.code}"
        for short in (area.short, area.short_en):
            if len(short) > LONGEST_SHORT:
                yield Finding(ERROR, where, f"short title {short!r}: over {LONGEST_SHORT} letters")
        for competency in area.competencies:
            where = f"framework: {competency.code}"
            yield from titles(where, competency.title, competency.title_en)
            yield from plain(where, "plain", competency.plain)


def check_roles(framework: Framework, roles: Iterable[RoleProfile]) -> Iterator[Finding]:
    """Yield what is wrong with roles and their Soll."""
    codes = set(framework.by_code)
    for role in roles:
        where = f"roles: {role.key}"
        yield from titles(where, role.title, role.title_en)
        yield from plain(where, "hint", role.hint)
        said = role.soll.competencies
        by_area = {c for c in codes if framework.area_of[c].code in role.areas}
        if missing := sorted(codes - set(said) - by_area):
            yield Finding(ERROR, where, f"no Soll for {', '.join(missing)}")
        if unknown := sorted(set(said) - codes):
            yield Finding(ERROR, where, f"no competence {', '.join(unknown)}")
        for code in NEEDED_BY_ALL:
            if said.get(code) == 0 and code not in by_area:
                yield Finding(ERROR, where, f"{code} is needed in every role, Soll is 0")
        yield from _reasons(where, role)


def _reasons(where: str, role: RoleProfile) -> Iterator[Finding]:
    """A Soll that nobody can give a reason for is no proposal to a workshop."""
    yield from plain(where, "reason", role.reason)
    for code, text in role.reasons.items():
        yield from plain(where, f"reason of {code}", text)
    for name, found in (("reasons", role.reasons), ("reasons_en", role.reasons_en)):
        if missing := sorted(set(role.levels) - set(found)):
            yield Finding(WARNING, where, f"{name}: none for {', '.join(missing)}")


def check_soll(pack: Pack, roles: tuple[RoleProfile, ...]) -> Iterator[Finding]:
    """Yield where the table for people and the roles do not say the same."""
    if SOLL_FILE not in pack.files:
        yield Finding(ERROR, pack.ref, f"{SOLL_FILE}: missing")
        return
    text = (pack.path / SOLL_FILE).read_text(encoding="utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    rows = {row.get("code", ""): row for row in table}
    for role in roles:
        for code, level in role.levels.items():
            cell = rows.get(code, {}).get(role.key)
            if cell != str(level):
                found = "nothing" if cell is None else cell
                yield Finding(
                    ERROR, f"{SOLL_FILE}: {code}, {role.key}", f"says {found}, roles say {level}"
                )
