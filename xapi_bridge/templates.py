"""Does a statement follow a profile? The rules of statement templates, judged on parsed JSON.

A template is the one whose determining properties the statement has; its rules then have to hold.
Of JSONPath as much as the standard allows and profiles use: children by name, members by number,
and `*`. Source: xAPI Profiles 1.0, part two (structure) and three (algorithms). Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

Json = Any
Profile = Mapping[str, Json]

_PART = re.compile(r"\.(?P<child>\w+|\*)|\['(?P<key>[^']*)'\]|\[(?P<index>\d+|\*)\]")
_AROUND = {
    "contextGroupingActivityType": "grouping",
    "contextParentActivityType": "parent",
    "contextOtherActivityType": "other",
    "contextCategoryActivityType": "category",
}


def violations(profile: Profile, statement: Json) -> tuple[str, ...]:
    """Return what is wrong with a statement that says it follows this profile; empty: nothing."""
    fitting = [t for t in profile["templates"] if _determined(t, statement)]
    if not fitting:
        return (f"no template is about {_one(statement, '$.verb.id')}",)
    return tuple(v for template in fitting for v in _broken(template, statement))


def values(document: Json, path: str) -> tuple[Json, ...]:
    """Return what a JSONPath finds, in order.

    :raises ValueError: it uses more of JSONPath than profiles may.
    """
    found = (document,)
    for kind, name in _parts(path):
        found = tuple(v for value in found for v in _step(value, kind, name))
    return found


def _determined(template: Json, statement: Json) -> bool:
    if template.get("verb", _one(statement, "$.verb.id")) != _one(statement, "$.verb.id"):
        return False
    kind = template.get("objectActivityType")
    if kind and kind != _one(statement, "$.object.definition.type"):
        return False
    if "objectStatementRefTemplate" in template and not _is_ref(statement, "$.object"):
        return False
    return all(
        set(template.get(name, ())) <= set(values(statement, _types(relation)))
        for name, relation in _AROUND.items()
    )


def _types(relation: str) -> str:
    return f"$.context.contextActivities.{relation}[*].definition.type"


def _broken(template: Json, statement: Json) -> Iterator[str]:
    if "contextStatementRefTemplate" in template and not _is_ref(statement, "$.context.statement"):
        yield "$.context.statement is no reference"
    for rule in template.get("rules", ()):
        if why := _against(rule, statement):
            yield f"{rule['location']} {why}"


def _is_ref(statement: Json, path: str) -> bool:
    return bool(_one(statement, f"{path}.objectType") == "StatementRef")


def _against(rule: Mapping[str, Json], statement: Json) -> str:
    """Return why a rule does not hold, "" if it does."""
    found, unmatched = _matchable(rule, statement)
    presence = rule.get("presence")
    if presence == "excluded":
        return "must not be there" if found else ""
    if presence == "included" and (not found or unmatched):
        return "is missing"
    if presence == "recommended" and not found:
        return ""
    if "any" in rule and not any(v in rule["any"] for v in found):
        return "has none of the values it needs"
    if "all" in rule and (unmatched or not all(v in rule["all"] for v in found)):
        return "has a value it may not have"
    if "none" in rule and any(v in rule["none"] for v in found):
        return "has a value it must not have"
    return ""


def _matchable(rule: Mapping[str, Json], statement: Json) -> tuple[Sequence[Json], bool]:
    """Return the values a rule is about, and whether a place had none."""
    places = values(statement, rule["location"])
    if "selector" not in rule:
        return places, False
    chosen = [values(place, rule["selector"]) for place in places]
    return [v for found in chosen for v in found], not all(chosen)


def _one(document: Json, path: str) -> Json:
    return next(iter(values(document, path)), None)


@lru_cache(maxsize=256)
def _parts(path: str) -> tuple[tuple[str, str], ...]:
    parts, at = [], 1
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            break
        parts.append((str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    if not path.startswith("$") or at != len(path):
        raise ValueError(f"{path!r} is not a JSONPath of a profile.")
    return tuple(parts)


def _step(value: Json, kind: str, name: str) -> Sequence[Json]:
    if isinstance(value, dict) and kind != "index":
        if name == "*" and kind == "child":
            return tuple(value.values())
        return (value[name],) if name in value else ()
    if isinstance(value, list) and kind != "key":
        if name == "*":
            return tuple(value)
        number = int(name) if name.isdigit() else len(value)
        return tuple(value[number : number + 1])
    return ()
