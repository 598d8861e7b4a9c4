"""Every page of the administration on one page: address, what it belongs to, and its view.

The area decides who may see it (GET) and who may change something there (POST): `flows.staff`.
"""

from collections.abc import Callable

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue

from lti_tool.web.admin import (
    connection,
    entry,
    items,
    jobs,
    log,
    lrs,
    mapping,
    mapping_people,
    minutes,
    outbox,
    overview,
    own_lrs,
    platforms,
    provider_form,
    quarantine,
    refusals,
    retention,
    rights,
    session,
    soll,
    soll_file,
    soll_roles,
    soll_version,
    tests,
    workshop_topic,
    workshops,
)
from lti_tool.web.admin.remedies import with_code

View = Callable[..., ResponseReturnValue]
GET, POST = ("GET",), ("POST",)
ANYBODY, SIGNED_IN = "-", ""

ROUTES: tuple[tuple[str, str, tuple[str, ...], View, str], ...] = (
    ("/eintreten", "door", GET, entry.door, ANYBODY),
    ("/eintreten", "enter", POST, entry.enter, ANYBODY),
    ("/", "first", GET, entry.first, SIGNED_IN),
    ("/sprache", "language", POST, entry.language, SIGNED_IN),
    ("/ende", "leave", POST, entry.leave, SIGNED_IN),
    ("/uebersicht", "overview", GET, overview.overview, "overview"),
    ("/verbindung", "connection", GET, connection.connection, "connection"),
    ("/verbindung", "check", POST, connection.check, "connection"),
    ("/lernportale", "platforms", GET, platforms.platforms, "platforms"),
    ("/lernportale/neu", "new_platform", GET, platforms.new, "platforms"),
    ("/lernportale/neu", "add_platform", POST, platforms.add, "platforms"),
    ("/lernportale/<platform>", "platform", GET, platforms.platform, "platforms"),
    ("/lernportale/<platform>", "set_platform", POST, platforms.set_platform, "platforms"),
    ("/einsatzorte/<place>", "set_place", POST, platforms.set_place, "platforms"),
    ("/eigener-lrs", "own_lrs", GET, own_lrs.own_lrs, "own_lrs"),
    ("/eigener-lrs", "make_key", POST, own_lrs.make_key, "own_lrs"),
    ("/eigener-lrs/<key>", "revoking_key", GET, own_lrs.revoking, "own_lrs"),
    ("/eigener-lrs/<key>", "revoke_key", POST, own_lrs.revoke_key, "own_lrs"),
    ("/ablehnungen", "refusals", GET, refusals.refusals, "refusals"),
    ("/lrs", "lrs", GET, lrs.lrss, "lrs"),
    ("/lrs", "lrs_act", POST, lrs.act, "lrs"),
    ("/auftraege", "jobs", GET, jobs.jobs, "jobs"),
    ("/auftraege", "start_job", POST, jobs.start, "jobs"),
    ("/ausgang", "outbox", GET, outbox.outbox, "outbox"),
    ("/ausgang", "resend", POST, outbox.resend, "outbox"),
    ("/quarantaene", "quarantine", GET, quarantine.quarantine, "quarantine"),
    ("/quarantaene/<number>", "set_aside", GET, quarantine.set_aside, "quarantine"),
    ("/quarantaene/<number>", "decide", POST, quarantine.decide, "quarantine"),
    ("/zuordnung", "mapping", GET, mapping.mapping, "mapping"),
    ("/zuordnung", "preview_mapping", POST, mapping.preview, "mapping"),
    ("/zuordnung/aktivitaet", "assign", GET, mapping.assign, "mapping"),
    ("/zuordnung/uebernehmen", "take_mapping", POST, mapping.take, "mapping"),
    ("/zuordnung/ausgeben", "mapping_export", GET, mapping.export, "mapping"),
    ("/zuordnung/probe", "mapping_trial", GET, mapping.trial, "mapping"),
    ("/zuordnung/personen", "mapping_people", GET, mapping_people.people, "mapping"),
    ("/soll", "soll", GET, soll.soll, "soll"),
    ("/soll/neu", "new_role", GET, soll_roles.new, "soll"),
    ("/soll/neu", "add_role", POST, soll_roles.add, "soll"),
    ("/soll/datei", "soll_file", GET, soll_file.file, "soll"),
    ("/soll/datei", "preview_soll", POST, soll_file.preview, "soll"),
    ("/soll/uebernehmen", "take_soll", POST, soll_file.take, "soll"),
    ("/soll/ausgeben", "soll_export", GET, soll_file.export, "soll"),
    ("/soll/<work>", "soll_role", GET, soll.role, "soll"),
    ("/soll/<work>", "change_role", POST, soll_roles.change, "soll"),
    ("/soll/<work>/entwurf", "soll_draft", GET, soll_version.draft, "soll"),
    ("/soll/<work>/entwurf", "save_draft", POST, soll_version.save_draft, "soll"),
    ("/soll/<work>/<version>", "soll_version", GET, soll_version.version, "soll"),
    ("/soll/<work>/<version>", "decide_soll", POST, soll_version.decide, "soll"),
    ("/workshops", "workshops", GET, workshops.workshops, "workshops"),
    ("/workshops/neu", "new_workshop", GET, workshops.new, "workshops"),
    ("/workshops/neu", "start_workshop", POST, workshops.start, "workshops"),
    ("/workshops/<shop>", "workshop", GET, workshops.desk, "workshops"),
    ("/workshops/<shop>", "act_workshop", POST, workshops.act, "workshops"),
    ("/workshops/<shop>/wand", "wall", GET, workshop_topic.wall, "workshops"),
    ("/workshops/<shop>/wand/<topic>", "wall_topic", GET, workshop_topic.wall_topic, "workshops"),
    ("/workshops/<shop>/thema/<topic>", "workshop_topic", GET, workshop_topic.topic, "workshops"),
    ("/workshops/<shop>/thema/<topic>", "settle_topic", POST, workshop_topic.settle, "workshops"),
    ("/workshops/<shop>/protokoll", "minutes", GET, minutes.minutes, "workshops"),
    ("/workshops/<shop>/protokoll.docx", "minutes_docx", GET, minutes.minutes_docx, "workshops"),
    ("/fragen", "items", GET, items.items, "items"),
    ("/fragen/<bank>", "bank", GET, items.bank, "items"),
    ("/fragen/<bank>/<topic>", "bank_topic", GET, items.topic, "items"),
    ("/andere-tests", "tests", GET, tests.tests, "tests"),
    ("/andere-tests", "change_tests", POST, tests.change, "tests"),
    ("/andere-tests/eintrag", "new_provider", GET, provider_form.new, "tests"),
    ("/andere-tests/eintrag", "add_provider", POST, provider_form.add, "tests"),
    ("/andere-tests/eintrag/<provider>", "provider", GET, provider_form.entry, "tests"),
    ("/andere-tests/eintrag/<provider>", "change_provider", POST, provider_form.change, "tests"),
    ("/aufbewahrung", "retention", GET, retention.retention, "retention"),
    ("/aufbewahrung", "purge", POST, retention.purge, "retention"),
    ("/protokoll", "log", GET, log.log, "log"),
    ("/rechte", "rights", GET, rights.rights, "rights"),
    ("/rechte", "grant", POST, rights.grant, "rights"),
    ("/rechte/<person>/<role>", "revoking", GET, rights.revoking, "rights"),
    ("/rechte/<person>/<role>", "revoke", POST, rights.revoke, "rights"),
)
AREA_OF = {endpoint: area for _, endpoint, _, _, area in ROUTES}


def register(app: Flask, checkup: connection.Checkup) -> None:
    """Add the administration to the app. `checkup` tests the connections of a tenant, by id."""
    app.extensions["roadmap_checkup"] = checkup
    blueprint = Blueprint(
        "admin", __name__, url_prefix=session.PATH, template_folder="../templates"
    )
    for rule, endpoint, methods, view, _area in ROUTES:
        blueprint.add_url_rule(rule, endpoint, view, methods=methods)
    blueprint.before_request(_guard)
    blueprint.add_app_template_filter(with_code, "coded")
    blueprint.app_context_processor(lambda: {"tabs_of_staff": overview.tabs})
    app.register_blueprint(blueprint)


def _guard() -> None:
    area = AREA_OF[(request.endpoint or "").removeprefix("admin.")]
    if area != ANYBODY:
        session.require(area)
