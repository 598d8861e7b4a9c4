"""Our own xAPI profile: what every statement and document that we write looks like, as JSON-LD.

A profile belongs to an installation, because its extensions and documents lie under its address;
each one serves its own at `<tool>/xapi/profile/v1`. Verbs, activity types and most extensions are
those of ADL and TLA, only referred to. Source: xAPI Profiles 1.0, part two; ADR 0017. No I/O.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from xapi_bridge import wire

CONTEXT = "https://w3id.org/xapi/profiles/context"
CONFORMS_TO = "https://w3id.org/xapi/profiles#1.0"
VERSION = "v1"
SINCE = "2026-11-28T00:00:00Z"

Json = Any


def profile_id(tool: str) -> str:
    return f"{tool}/xapi/profile"


def version_id(tool: str) -> str:
    """Return what the statements name as a category: this version of the profile."""
    return f"{profile_id(tool)}/{VERSION}"


@lru_cache(maxsize=8)
def profile(tool: str) -> Json:
    """Return the profile of an installation as JSON-LD. It is one object: do not change it."""
    return {
        "@context": CONTEXT,
        "id": profile_id(tool),
        "type": "Profile",
        "conformsTo": CONFORMS_TO,
        "prefLabel": _words("roadMAP LTI: learning paths", "roadMAP LTI: Lernpfade"),
        "definition": _words(
            "What roadMAP LTI writes about learning paths, and about results somebody shares.",
            "Was roadMAP LTI über Lernpfade schreibt, und über Ergebnisse, die jemand teilt.",
        ),
        "versions": [{"id": version_id(tool), "generatedAtTime": SINCE}],
        "author": {"type": "Organization", "name": "roadMAP LTI"},
        "concepts": _concepts(tool),
        "templates": _templates(tool),
        "patterns": _patterns(tool),
    }


def template_id(tool: str, name: str) -> str:
    return f"{profile_id(tool)}/templates#{name}"


def _words(en: str, de: str) -> dict[str, str]:
    return {"en": en, "de": de}


def _part(tool: str, address: str, kind: str, label: Json, definition: Json, **more: Json) -> Json:
    named = {"id": address, "type": kind, "inScheme": version_id(tool)}
    return named | {"prefLabel": label, "definition": definition} | more


# --- concepts -------------------------------------------------------------------------------------

_STEP = {
    "type": "object",
    "required": ["activity", "order", "mandatory"],
    "properties": {
        "activity": {"type": "string", "format": "iri"},
        "order": {"type": "integer", "minimum": 1},
        "mandatory": {"type": "boolean"},
        "month": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    },
    "additionalProperties": False,
}


def _concepts(tool: str) -> list[Json]:
    path = {"type": "object", "required": sorted(wire.DOCUMENT_KEYS - {"due"})}
    levels = {"type": "object", "required": sorted(wire.LEVELS_KEYS)}
    return [
        _part(
            tool,
            f"{tool}/xapi/ext/steps",
            "ContextExtension",
            _words("steps of a path", "Schritte eines Pfads"),
            _words(
                "The steps in order: address, required or not, month. Never a level.",
                "Die Schritte der Reihe nach: Adresse, Pflicht oder Wahl, Monat. Nie eine Stufe.",
            ),
            recommendedVerbs=[wire.RECOMMENDED],
            inlineSchema=json.dumps({"type": "array", "items": _STEP}, sort_keys=True),
        ),
        _part(
            tool,
            f"{tool}/xapi/ext/pieces",
            "ContextExtension",
            _words("pieces of evidence", "Anzahl der Belege"),
            _words(
                "How many answers and activities a shared result rests on.",
                "Auf wie vielen Antworten und Lernaktivitäten ein geteiltes Ergebnis beruht.",
            ),
            recommendedVerbs=[wire.ASSERTED],
            inlineSchema=json.dumps({"type": "integer", "minimum": 1}, sort_keys=True),
        ),
        _part(
            tool,
            f"{tool}/xapi/profile/learning-path",
            "AgentProfileResource",
            _words("learning path", "Lernpfad"),
            _words("The accepted path as it stands.", "Der angenommene Pfad, wie er jetzt ist."),
            contentType="application/json",
            inlineSchema=json.dumps(path, sort_keys=True),
        ),
        _part(
            tool,
            f"{tool}/xapi/profile/competencies",
            "AgentProfileResource",
            _words("shared results", "geteilte Ergebnisse"),
            _words(
                "The levels that the learner shared, until the day she chose or takes them back.",
                "Die geteilten Stufen, bis zum gewählten Tag oder bis zur Rücknahme.",
            ),
            contentType="application/json",
            inlineSchema=json.dumps(levels, sort_keys=True),
        ),
    ]


# --- templates ------------------------------------------------------------------------------------

Rule = dict[str, Json]


def _included(*locations: str) -> list[Rule]:
    return [{"location": f"$.{where}", "presence": "included"} for where in locations]


def _excluded(*locations: str) -> list[Rule]:
    return [{"location": f"$.{where}", "presence": "excluded"} for where in locations]


def _extension(key: str) -> str:
    return f"context.extensions['{key}']"


def _everywhere(tool: str) -> list[Rule]:
    """What is true of every statement: ours, without a name, a mail, a score or an attachment."""
    category = "$.context.contextActivities.category[*].id"
    return [
        {"location": category, "presence": "included", "any": [version_id(tool)]},
        *_included("id", "timestamp", "context.language"),
        *_excluded("result", "attachments", "actor.name", "actor.mbox", "context.team"),
        {"location": "$.actor.account.name", "presence": "included"},
    ]


def _by_us(tool: str, where: str) -> Rule:
    location = f"$.{where}.account.homePage"
    return {"location": location, "presence": "included", "all": [tool]}


def _template(
    tool: str, name: str, label: Json, text: Json, rules: Sequence[Rule], **more: Json
) -> Json:
    every = [*_everywhere(tool), *rules]
    kind = "StatementTemplate"
    return _part(tool, template_id(tool, name), kind, label, text, **more, rules=every)


def _templates(tool: str) -> list[Json]:
    steps, pieces = f"{tool}/xapi/ext/steps", f"{tool}/xapi/ext/pieces"
    path = {"objectActivityType": wire.CONTENT_SET}
    around = ("context.registration", "context.revision", "context.platform")
    no_result = _excluded(_extension(wire.CONFIDENCE), _extension(wire.EVIDENCE))
    return [
        _template(
            tool,
            "recommended",
            _words("path recommended", "Pfad empfohlen"),
            _words(
                "The service recommends the path that the learner has just accepted.",
                "Der Dienst empfiehlt den Pfad, den die Person gerade angenommen hat.",
            ),
            [
                _by_us(tool, "actor"),
                *_included(*around, _extension(wire.LEARNER), _extension(steps)),
                *_excluded(f"{_extension(wire.LEARNER)}.name"),
                *_excluded(f"{_extension(wire.LEARNER)}.mbox"),
                *no_result,
            ],
            verb=wire.RECOMMENDED,
            **path,
        ),
        _template(
            tool,
            "registered",
            _words("registered for the path", "für den Pfad angemeldet"),
            _words("The learner is registered for it.", "Die Person ist dafür angemeldet."),
            [*_included(*around), _by_us(tool, "context.instructor"), *no_result],
            verb=wire.REGISTERED,
            contextStatementRefTemplate=[template_id(tool, "recommended")],
            **path,
        ),
        _template(
            tool,
            "deselected",
            _words("path withdrawn", "Pfad zurückgenommen"),
            _words(
                "The path no longer counts: a new one was accepted, or the learner wants none.",
                "Der Pfad gilt nicht mehr: Ein neuer gilt, oder die Person will keinen.",
            ),
            [
                *_included(*around),
                *_excluded("context.contextActivities.other", _extension(steps)),
                _by_us(tool, "context.instructor"),
                *no_result,
            ],
            verb=wire.DESELECTED,
            contextStatementRefTemplate=[template_id(tool, "registered")],
            **path,
        ),
        _template(
            tool,
            "asserted",
            _words("result shared", "Ergebnis geteilt"),
            _words(
                "The learner shared what she can do in a competence or an area. The level stands in"
                " the document of shared results; confidence is the probability that it is right.",
                "Die Person hat geteilt, was sie in einer Kompetenz oder einem Bereich kann. Die"
                " Stufe steht im Dokument; die Sicherheit ist die Wahrscheinlichkeit, dass sie"
                " stimmt.",
            ),
            [
                *_included(*around, _extension(wire.EVIDENCE), _extension(wire.CONFIDENCE)),
                *_included(_extension(pieces)),
                *_excluded("context.contextActivities.other", "context.contextActivities.parent"),
                _by_us(tool, "context.instructor"),
            ],
            verb=wire.ASSERTED,
            objectActivityType=wire.COMPETENCY,
        ),
        _template(
            tool,
            "voided",
            _words("shared result taken back", "geteiltes Ergebnis zurückgenommen"),
            _words(
                "Sent alone when the learner takes a result back, or a newer one replaces it.",
                "Allein gesendet, wenn jemand ein Ergebnis zurücknimmt oder ein neueres gilt.",
            ),
            [
                _by_us(tool, "actor"),
                *_excluded("context.registration", "context.instructor"),
                # xAPI allows these two only about an activity.
                *_excluded("context.platform", "context.revision"),
            ],
            allowedSolo=True,
            verb=wire.VOIDED,
            objectStatementRefTemplate=[template_id(tool, "asserted")],
        ),
    ]


# --- patterns -------------------------------------------------------------------------------------


def _patterns(tool: str) -> list[Json]:
    base = f"{profile_id(tool)}/patterns"
    assigned, shared = (
        {
            "primary": True,
            "prefLabel": _words(en, de),
            "definition": _words(why_en, why_de),
        }
        for en, de, why_en, why_de in (
            (
                "a path",
                "ein Pfad",
                "Recommended and registered, later perhaps withdrawn; one registration a path.",
                "Empfohlen und angemeldet, später vielleicht zurückgenommen.",
            ),
            (
                "shared results",
                "geteilte Ergebnisse",
                "One for each topic, and again when it changes; one registration a share.",
                "Eines je Thema, und wieder, wenn es sich ändert.",
            ),
        )
    )
    named: Mapping[str, Json] = {"type": "Pattern", "inScheme": version_id(tool)}
    withdrawn = {"optional": template_id(tool, "deselected")}
    sequence = [template_id(tool, "recommended"), template_id(tool, "registered")]
    return [
        {"id": f"{base}#path", **named, **assigned, "sequence": [*sequence, f"{base}#withdrawn"]},
        {"id": f"{base}#withdrawn", **named, **withdrawn},
        {"id": f"{base}#shared", **named, **shared, "oneOrMore": template_id(tool, "asserted")},
    ]
