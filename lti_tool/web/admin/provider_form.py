"""The form of a test provider: what a TOML entry says, in fields; checked by the same code.

A row of a scale is a value and a step, a row of topics the provider's word and our topic, a row of
activities an address and the provider's word. Empty rows say nothing. Without a script "more rows"
is a button that shows the form again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.provider import MOST, Fault, PersonBy, ProviderInvalid, Shape, number
from competency.scale import MAX_STEP, level_of_step
from lti_tool.flows import providers
from lti_tool.web import wording
from lti_tool.web.admin import session, tests_words
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

Rows = list[tuple[str, str]]

PLAIN = ("name", "method", "licence", "contract_on", "error_steps", "months", "address")
OF_SCALE = ("shape", "lowest", "highest")
OF_FILE = ("person", "by", "date", "topic", "value", "platform")
ROWS = {"bands": ("band", "step"), "topics": ("word", "code"), "activities": ("iri", "about")}
FEWEST, SPARE = {"bands": 6, "topics": 4, "activities": 1}, 4
USUAL = {"method": "test", "shape": "levels", "by": "code", "error_steps": "2", "months": "24"}


def new() -> str:
    """Show an empty form."""
    return _form("", USUAL, {}, version=0)


def add() -> Response | str:
    """Enter a new provider; one that is there already stays as it is."""
    return _save("", " ".join(request.form.get("key", "").split()).lower())


def entry(provider: str) -> str:
    """Show the entry of a provider, also one that is not used any more or fits no more."""
    known = providers.one(services(), session.current().tenant.id, provider)
    flat, rows = _flat(known.registered.document)
    retired = known.registered.retired is not None
    version = known.registered.version
    return _form(known.key, flat, rows, known.faults, version=version, retired=retired)


def change(provider: str) -> Response | str:
    """Change the entry of a provider. What was taken keeps the words of its day."""
    known = providers.one(services(), session.current().tenant.id, provider)
    return _save(known.key, known.key)


def _save(address: str, key: str) -> Response | str:
    sent = request.form
    flat = {name: sent.get(name, "") for name in (*PLAIN, *OF_SCALE, *OF_FILE)} | {"key": key}
    rows = {name: _sent(*columns) for name, columns in ROWS.items()}
    version = number(sent.get("version", "")) or 0
    if sent.get("do") == "more":
        return _form(address, flat, rows, version=int(version), spare=3 * SPARE)
    try:
        providers.save(
            services(),
            session.actor(),
            session.current().tenant.id,
            _document(flat, rows),
            datetime.now(UTC),
            after=int(version) if address else 0,
        )
    except ProviderInvalid as error:
        return _form(address, flat, rows, error.faults, version=int(version))
    return redirect(url_for("admin.tests", getan="eingetragen"), 303)


def _sent(first: str, second: str) -> Rows:
    pairs = zip(request.form.getlist(first), request.form.getlist(second), strict=False)
    return [(a.strip(), b.strip()) for a, b in pairs if a.strip() or b.strip()]


# --- form <-> document ----------------------------------------------------------------------------


def _document(flat: Mapping[str, str], rows: Mapping[str, Rows]) -> dict[str, Any]:
    """Return the document that `competency.provider.provider_of` checks and reads."""
    points = flat["shape"] == Shape.POINTS
    bands = [
        {"name": value, "step": step} | ({"points": value} if points else {})
        for value, step in rows["bands"]
    ]
    return {name: flat[name] for name in ("key", *PLAIN)} | {
        "scale": {name: flat[name] for name in OF_SCALE} | {"bands": bands},
        "columns": {name: flat[name] for name in OF_FILE},
        "topics": rows["topics"],
        "activities": rows["activities"],
    }


def _flat(document: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Rows]]:
    """Return the fields and the rows of a stored document."""
    scale, columns = document.get("scale") or {}, document.get("columns") or {}
    parts = ((document, PLAIN), (scale, OF_SCALE), (columns, OF_FILE))
    flat = {n: _said(part.get(n)) for part, names in parts for n in names}
    pointed = scale.get("shape") == Shape.POINTS
    shown = "points" if pointed else "name"
    rows = {
        "bands": [(_said(b.get(shown)), _said(b.get("step"))) for b in scale.get("bands", ())],
        "topics": list((document.get("topics") or {}).items()),
        "activities": list((document.get("activities") or {}).items()),
    }
    hidden = () if pointed else ("lowest", "highest")  # of names they are stored as 0
    return USUAL | {n: v for n, v in flat.items() if v and n not in hidden}, rows


def _said(value: object) -> str:
    """Return a stored value as a person types it: 1,5 and not 1.5, 30 and not 30.0."""
    if isinstance(value, float):
        return f"{value:g}".replace(".", ",")
    return "" if value is None else str(value)


# --- the page -------------------------------------------------------------------------------------


def _form(
    address: str,
    flat: Mapping[str, str],
    rows: Mapping[str, Rows],
    faults: Sequence[Fault] = (),
    *,
    version: int,
    spare: int = SPARE,
    retired: bool = False,
) -> str:
    page = {
        "changing": address,
        "given": flat,
        "rows": {name: _spared(rows.get(name, []), FEWEST[name], spare) for name in ROWS},
        "version": version,
        "retired": retired,
        "labels": _labels(),
        "wrong": _wrong(faults),
        "methods": [(m.value, words) for m, words in tests_words.methods().items()],
        "shapes": [(Shape.LEVELS.value, _("names")), (Shape.POINTS.value, _("points"))],
        "people": list(_people().items()),
        "steps": [(n, f"{n} ({wording.level(level_of_step(n))})") for n in range(MAX_STEP + 1)],
        "codes": _codes(),
    }
    return render_template("admin/provider.html", page=page)


def _spared(rows: Rows, fewest: int, spare: int) -> Rows:
    wanted = min(MOST + 1, max(fewest, len(rows) + (spare if rows or spare > SPARE else 0)))
    return rows + [("", "")] * (wanted - len(rows))


def _wrong(faults: Iterable[Fault]) -> dict[str, str]:
    """Return what is wrong, by the id of the field where it is mended, as the page goes down."""
    found: dict[str, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.field, []).append(tests_words.what(fault))
    return {field: " ".join(found[field]) for field in _labels() if field in found}


def _labels() -> dict[str, str]:
    """Return what each field is called, by its id; an error says the same name."""
    return {
        "key": _("Short name"),
        "name": _("Name of the test"),
        "method": _("Method"),
        "licence": _("Licence or contract"),
        "contract_on": _("Day of the contract on data processing"),
        "address": _("Address where people do the test"),
        "months": _("So many months a result counts"),
        "error_steps": _("Standard error in steps"),
        "shape": _("The values are"),
        "lowest": _("Lowest points"),
        "highest": _("Highest points"),
        "bands": _("What the values mean"),
        "topics": _("Topics of the test"),
        "person": _("Column: person"),
        "by": _("The file names people by"),
        "platform": _("Which learning portal?"),
        "date": _("Column: day"),
        "topic": _("Column: topic"),
        "value": _("Column: value"),
        "activities": _("Activities of the test"),
    }


def _people() -> dict[str, str]:
    return {
        PersonBy.CODE.value: _("their own code for other tests"),
        PersonBy.SUB.value: _("their LTI id in the learning portal"),
        PersonBy.IDENT.value: _("their id in the activity messages (xAPI)"),
        PersonBy.USERNAME.value: _("their login in the learning portal"),
    }


def _codes() -> list[tuple[str, str]]:
    framework = services().content.framework
    areas = [(a.code, _("Whole area: %(title)s", title=local(a, "title"))) for a in framework.areas]
    topics = [(c, f"{c} {local(framework.by_code[c], 'title')}") for c in framework.dimensions]
    return [*topics, *areas]
