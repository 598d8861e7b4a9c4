"""Write the generated parts of the documentation: what the program itself knows best.

    .venv/bin/python tools/build_docs.py           writes docs/reference/ and docs/datenschutz.md
    .venv/bin/python tools/build_docs.py --check   says what is out of date, and ends with 1

A generated part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`; the rest of a
file is written by hand. What the program cannot say itself (what a page is for, what a `data-test`
name marks) is in the tables of this file; a route, job or name without an entry is an error.
"""

import ast
import dataclasses
import inspect
import json
import re
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

import click  # noqa: E402
from flask import Flask  # noqa: E402

from benchmarks.budgets import BUDGET_MS, WHAT_DE  # noqa: E402
from competency.packs import Content  # noqa: E402
from competency.simulation.figures import Run  # noqa: E402
from lti_tool import jobs, settings  # noqa: E402
from lti_tool.app import create_app  # noqa: E402
from lti_tool.bootstrap import build  # noqa: E402
from lti_tool.checking.result import Result  # noqa: E402
from lti_tool.cli import (  # noqa: E402
    cli,
    content,
    operation,
    persons,
    platforms,
    pulling,
    quarantine,
    soll,
    tenants,
)
from lti_tool.cli import mapping as mapping_command  # noqa: E402
from lti_tool.lti.refusal import Code  # noqa: E402
from lti_tool.privacy import PersonData  # noqa: E402
from lti_tool.store import lrs as lrs_store  # noqa: E402
from lti_tool.store import lrs_status, mappings, migrations  # noqa: E402
from lti_tool.store.jobs import SqlJobs  # noqa: E402
from lti_tool.store.outbox import SqlOutbox  # noqa: E402
from lti_tool.web import api  # noqa: E402
from lti_tool.web.admin.remedies import FILE as REMEDIES  # noqa: E402
from xapi_bridge import mapping, wire  # noqa: E402
from xapi_bridge.capabilities import Capabilities  # noqa: E402

MARKED = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)
TARGETS = (
    *sorted((ROOT / "docs" / "reference").glob("*.md")),
    ROOT / "docs" / "datenschutz.md",
    ROOT / "docs" / "how-to" / "anbinden.md",
    ROOT / "docs" / "how-to" / "datenbank.md",
)
DATABASES, FULL_EVIDENCE = ("sqlite", "postgresql"), 10_000_000
RESULTS = ROOT / "benchmarks" / "results.jsonl"


class Undocumented(Exception):
    """Something of the program has no words here, or words here have lost what they are about."""


#: What a route is for, where its view does not say it in a docstring.
ROUTES = {
    "public.index": "What this is, for whom, how to start.",
    "public.accessibility": "Statement on accessibility (`?fuer=KEY` chooses the municipality).",
    "public.privacy": "Information on data protection (`?fuer=KEY` chooses the municipality).",
    "learner.api_me": "Who is here, as JSON: ids only.",
    "learner.api_path": "The path as JSON.",
    "learner.data": "What is stored about me, how long, and who sees it.",
    "learner.erase": "Ask before deleting.",
    "learner.done": "The questions are done: where to go now.",
    "learner.assistance": "Help and contact.",
    "learner.swap": "Choose another unit for this step.",
    "learner.swapped": "Swap, and show the path.",
    "learner.postpone": "Choose a later month for this step.",
    "learner.postponed": "Postpone, and show the path.",
    "learner.reflect": "Save a private answer.",
    "learner.practice": "A practice question that never counts.",
    "learner.dispute": "Say that a piece of evidence is not right.",
    "learner.role": "Choose the role that the Soll comes from.",
    "xapi.about": "The xAPI versions of the embedded LRS.",
    "xapi.statements": "Statements of the embedded LRS: GET, PUT, POST; the rest is 405.",
}

JOBS = {
    "refold": "one learner's profile and path from all evidence (key: learner)",
    "deliver": "send what is in the outbox",
    "pull": "pull one LRS until caught up (key: LRS)",
    "pull-all": "enqueue a pull for each LRS, and its sweeps and probes when they are due",
    "sweep": "look further back in one LRS: every night two days, every week thirty "
    "(key: LRS and kind)",
    "deleted": "look once a month for what was deleted in one LRS (key: LRS and kind)",
    "probe": "find out anew what one LRS can do: every week, and when its version changes "
    "(key: LRS)",
    "purge": "delete what is past its retention",
    "erasures": "write down beside the backups who was erased",
    "keys": "change the key the tool signs with when it is due",
    "soll": "judge everybody anew whose Soll begins to count (key: version)",
    "shares": "take back what was shared until now",
    "members": "ask how many learners a course has (key: platform and course)",
}

#: The stable names for tests and for acceptance, and what each marks.
NAMES = {
    "notice-continue": "button of the first information",
    "new-window": "button to a new window, where a frame keeps no cookie",
    "session-ends": "dialog some minutes before the session ends",
    "keep-working": "its button, which prolongs the session",
    "session-rules": "when the session ends, in one sentence at the foot",
    "sign-out": "shared device: log out, on every page",
    "role-option": "one role to choose",
    "place-option": "one part that an instructor can place in a course",
    "place-grade": "with a column in the grade book",
    "place": "place what was chosen",
    "place-tutorial": "the day of the tutorial, for the short reviews that are placed",
    "share": "share a result on purpose: the way there, and the button that does it",
    "share-look": "look at exactly what would be shared",
    "shared": "one thing that is shared",
    "share-code": "the code by which a person opens it",
    "take-back": "take it back",
    "shared-code": "where whoever was given a code types it",
    "shared-look": "look at what it opens",
    "exam": "a short review (exam) of a unit: its page, and the way there",
    "exam-opens": "when it is open",
    "exam-rules": "how it works, and when one has got it",
    "exam-last": "how it went last time",
    "begin-exam": "begin it, go on or do it again",
    "exam-result": "how it went (`data-sits`: yes or no)",
    "review": "the short review of a unit, on its page and at its step",
    "reviews": "short reviews that are open or come soon, on the start page",
    "course-size": "how many learners a course has, for its instructor",
    "lrs-pull": "administration: fetch from an LRS now",
    "lrs-probe": "administration: find out anew what an LRS can do",
    "lrs-reread": "administration: read the quarantine again",
    "link": "to the page that joins two learning portals",
    "link-show": "show the code",
    "link-code": "the code",
    "link-typed": "the code from the other learning portal",
    "link-look": "look whose code it is",
    "link-join": "join",
    "new-platform": "administration: connect a learning portal by hand",
    "platform-lines": "administration: the six lines of the learning portal",
    "add-platform": "administration: register it",
    "place-nothing": "place nothing",
    "placed": "take the answer to the learning portal, where no script does",
    "role-more": "the choice of a second role",
    "growth": "what has changed since a first measurement, on the profile page",
    "desired": "the desired role on the profile page",
    "desired-role": "the choice of a desired role",
    "compare": "compare with the desired role",
    "other-tests": "to the tests of other providers",
    "no-test": "leave a test of another provider out of the path",
    "test-step": "a test of another provider on the path: `data-provider`, `data-state`",
    "open-test": "opens a test of another provider in the learning portal",
    "test-code": "a person's code for other tests",
    "make-code": "make a code for other tests",
    "test-troubles": "administration: what is wrong with an entry or a file of other tests",
    "test-preview": "administration: what a file of results holds",
    "take-results": "administration: take the results over",
    "results-file": "administration: the file of another test",
    "look-results": "administration: look at the file first",
    "provider-file": "administration: the entry of a test provider",
    "enter-provider": "administration: enter a test provider",
    "new-provider": "administration: to the form of a test provider",
    "save-provider": "administration: save a test provider",
    "provider-wrong": "administration: what is wrong with the form of a test provider",
    "precedence": "which evidence counts when there are several pieces",
    "role-third": "the choice of a third role",
    "practice": "the practice question",
    "said": "what is said about an answer, after the practice question or (`feedback each`) each",
    "later": "do a practical task later",
    "for-later": "the tasks that were left for later",
    "task-for-later": "one of them",
    "more-questions": "answer a few more questions after the end",
    "plain": "switch Einfache Sprache on or off",
    "begin": "open the unit that comes now",
    "continue": "the button that leads on",
    "language": "button to the other language",
    "start-assessment": "begin, or go on with, the questions",
    "question": "the form of the open question",
    "option": "one answer, or one line of an ordering",
    "dont-know": "“I do not know”",
    "answer": "save the answer",
    "pause": "stop for now",
    "finish": "see the result",
    "profile": "the profile",
    "competency-row": "one topic (`data-competency`, `data-verdict`: met, gap, open)",
    "path": "the path",
    "path-step": "one step (`data-offer`)",
    "why": "the reasons of a step",
    "changes": "what a new proposal changes",
    "accept-path": "accept the path",
    "counts": "what a step counts for",
    "long": "why a step goes beyond the wished month",
    "required": "why a step cannot be left out",
    "postpone": "move a step to a later month",
    "swap": "replace a step",
    "undo": "take the last change of the path back",
    "this-year": "bring back a step that was left for next year",
    "reach": "where the plan leads, and which topics stay open",
    "open-topic": "a topic without a step (`data-competency`, `data-cause`)",
    "not-fitting": "what does not fit into the year",
    "tried": "what another plan would mean",
    "reflection": "the form of a private question",
    "export": "download everything about me",
    "erase": "delete everything about me",
    "sure": "the tick before deleting",
    "open-admin": "open the administration in a window of its own",
    "enter-admin": "go on behind a one-time link",
    "leave-admin": "leave the administration",
    "check-connection": "administration: start the connection test",
    "approve": "administration: approve a learning portal or a deployment",
    "block": "administration: block it",
    "start-job": "administration: start a job",
    "resend": "administration: send undeliverable messages again",
    "reread": "administration: read a message of the quarantine again",
    "drop": "administration: throw it away",
    "purge": "administration: delete what is due now",
    "key-name": "administration: which system gets a key of the own LRS",
    "make-key": "administration: make it",
    "new-secret": "administration: its secret, shown this once",
    "revoke-key": "administration: ask before a key is taken out of use",
    "revoke-key-now": "administration: take it out of use",
    "revoked-keys": "administration: keys out of use",
    "person-number": "administration: the number of a person",
    "give-right": "administration: give a right",
    "take-right": "administration: ask before a right is taken away",
    "take-right-now": "administration: take it away",
    "soll-file": "administration: to CSV and Excel",
    "new-role": "administration: add an own role",
    "role-key": "administration: short name of an own role",
    "role-title": "administration: its title",
    "role-hint": "administration: its line about the work",
    "save-role": "administration: save it",
    "retire-role": "administration: offer a role no longer",
    "restore-role": "administration: offer it again",
    "open-version": "administration: to the version that is being worked on",
    "new-draft": "administration: type in a draft",
    "save-draft": "administration: save it",
    "change-draft": "administration: change its values",
    "submit-soll": "administration: hand a draft in",
    "recall-soll": "administration: back to the draft",
    "drop-soll": "administration: give a draft up",
    "soll-state": "administration: the state of a version (`data-state`)",
    "soll-changes": "administration: how many values change",
    "council-day": "administration: day the staff council was involved",
    "record-council": "administration: record it",
    "office": "administration: who approves",
    "first-day": "administration: first day of a version",
    "approve-soll": "administration: approve a version",
    "export-table": "administration: get the table",
    "table-file": "administration: the file to read in",
    "read-table": "administration: show what it changes",
    "table-troubles": "administration: what is wrong with it, by row and column",
    "table-counts": "administration: how many drafts it makes",
    "take-table": "administration: make them",
    "open-bank": "administration: to a version of the questions",
    "open-bank-topic": "administration: to the questions of a topic",
    "bank-changes": "administration: what a version changes",
    "new-workshop": "administration: open a workshop",
    "role-workshop": "administration: open a workshop about this role",
    "open-workshop": "administration: to a workshop",
    "workshop-role": "administration: which job the workshop is about",
    "workshop-granularity": "administration: topic by topic, or area by area",
    "workshop-scale": "administration: four or eight levels",
    "start-workshop": "administration: open it",
    "close-vote": "administration: close the vote",
    "settle-undisputed": "administration: settle what nobody disputes",
    "workshop-topic": "administration: to one topic of a workshop",
    "agreed-value": "administration: the agreed value",
    "agreed-reason": "administration: its reason",
    "settle": "administration: settle the value",
    "show-proposal": "administration: what the pack proposes",
    "vote-again-topic": "administration: a topic for the second vote",
    "vote-again": "administration: open the second vote",
    "finish-workshop": "administration: end the workshop and make the draft",
    "drop-workshop": "administration: give the workshop up",
    "workshop-code-shown": "administration: the code",
    "new-code": "administration: make a new code",
    "close-code": "administration: let nobody in any more",
    "minutes": "administration: the minutes to read",
    "minutes-docx": "administration: the minutes for Word",
    "wall": "administration: to the wall",
    "wall-page": "wall: how to take part, or what came out",
    "wall-code": "wall: the code",
    "wall-voted": "wall: how many have answered everything",
    "wall-topic": "wall: to one topic",
    "wall-show-proposal": "wall: show what the pack proposes",
    "wall-proposal": "wall: what the pack proposes",
    "wall-settled": "wall: the agreed value",
    "wall-settle": "wall: to the form that settles it",
    "workshop-code": "workshop: the code",
    "workshop-look": "workshop: go on with it",
    "assign": "administration: map one activity",
    "export-mapping": "administration: what is mapped, as a table",
    "export-unmapped": "administration: what is not mapped, as a table to fill in",
    "mapping-counts": "administration: what a mapping changes",
    "mapping-file": "administration: the table of activities",
    "mapping-trial": "administration: what the last messages come to",
    "mapping-troubles": "administration: what is wrong with the table of activities",
    "preview-mapping": "administration: show what mapping one activity changes",
    "read-mapping": "administration: show what the table of activities changes",
    "take-mapping": "administration: take the mapping over",
    "mapping-conflicts": "administration: messages that fit several people",
    "mapping-people": "administration: whose the messages are",
    "mapping-tried": "administration: how many of the last messages count",
    "unmap": "administration: take a mapping away",
    "unmapped-activities": "administration: activities that stand for nothing yet",
    "workshop-group": "workshop: one of the groups",
    "workshop-join": "workshop: take part",
    "workshop-vote": "workshop: the form of a vote (`data-topic`)",
    "workshop-step": "workshop: one answer",
    "workshop-none": "workshop: no opinion",
    "workshop-save": "workshop: save the vote",
    "workshop-mine": "workshop: to the own votes",
    "workshop-votes": "workshop: the own votes",
    "workshop-change": "workshop: change one",
    "workshop-reload": "workshop: look whether the vote is closed",
    "workshop-leave": "workshop: free the device",
    "workshop-results": "workshop: what came out",
    "workshop-agreement": "workshop: how far people agree (`data-agreement`, `data-detail`)",
    "person": "demo LMS: one person (`data-person`)",
    "course": "demo LMS: one course (`data-course`)",
    "launch-tool": "demo LMS: open the tool in the page",
    "launch-tool-window": "demo LMS: open the tool in a new window",
    "tool-frame": "demo LMS: the frame with the tool",
    "complete-unit": "demo LMS: mark a unit as done (`data-unit`)",
    "reset-unit": "demo LMS: take that back (`data-unit`)",
    "quiz-submit": "demo LMS: hand in a quiz (`data-unit`)",
    "written-back-link": "demo LMS: link to what came back",
    "written-back": "demo LMS: what came back",
    "written-plan": "demo LMS: the learning plan",
    "written-grade": "demo LMS: a line of the grade book",
    "written-statement": "demo LMS: a statement in the LRS",
    "no-plan": "demo LMS: there is no learning plan",
    "no-grade": "demo LMS: there is no grade",
    "removed-plan": "demo LMS: a learning plan was taken back",
    "removed-grade": "demo LMS: a grade was taken back",
    "taken-back": "what an objection or an erasure takes back elsewhere",
    "seen-by": "who sees the data right now, on the start page",
    "withdraw-dispute": "take back what was said against a piece of evidence",
    "note": "an earlier private answer",
    "queue-waiting": "demo LMS: statements that wait for its cron",
}

probed = tuple(field.name for field in dataclasses.fields(Capabilities))

#: Where a JSON document comes from, and the functions that write its keys.
JSON: tuple[tuple[str, Sequence[Callable[..., Any] | str]], ...] = (
    ("`/l/<launch>/api/me`", (api.me,)),
    ("`/l/<launch>/api/session`", (api._session,)),
    ("`/l/<launch>/api/profile`", (api.profile,)),
    ("… `competencies[]`", (api._standing,)),
    ("`/l/<launch>/api/path`", (api._path, "tests")),
    ("… `steps[]`", (api._step,)),
    ("… `tests[]`: `state` is `planned`, `done` or `excluded`", (api._test,)),
    ("`roadmap check --json`", ("ok", "checks")),
    ("… `checks[]`", (Result.document,)),
    ("`roadmap lrs status --json`", ("lrs", "outbox")),
    ("… `lrs[]`", (lrs_store._status, *lrs_store.COUNTS, lrs_status.Details.document)),
    ("… `rounds[]`", (lrs_status._round,)),
    ("`roadmap lrs probe --json`, … `capabilities`", probed),
    ("… `outbox`", ("pending", "delivered", "dead")),
    ("`roadmap lrs pull --json`, `lrs sweep --json`: `lrs[]`", (pulling._pull,)),
    ("`roadmap lrs list --json`: `lrs[]`", ("name", "endpoint")),
    ("`roadmap outbox list --json`", ("outbox", "stuck")),
    ("… `stuck[]`", (SqlOutbox.stuck,)),
    ("`roadmap jobs status --json`", ("jobs", "runs")),
    ("… `jobs[]`", (SqlJobs.listed,)),
    ("… `runs[]`", (operation._run,)),
    ("`roadmap admin list --json`: `rights[]`", ("person", "role", "by", "since")),
    ("`roadmap soll list --json`: `soll[]`", (soll._row,)),
    ("`roadmap soll import --json`", (soll._preview,)),
    ("… `roles[]`", (soll._reading,)),
    ("… `problems[]`", (soll._problem,)),
    ("`roadmap admin link --json`", ("url", "until")),
    ("`roadmap lrs quarantine list --json`: `quarantine[]`", (quarantine._row,)),
    ("`roadmap lrs quarantine show --json`", (quarantine._row, "form")),
    ("`roadmap platform refusals --json`: `refusals[]`", (platforms.refused.callback,)),
    ("`roadmap mapping unmapped --json`: `unmapped[]`", (mappings.still_unmapped,)),
    ("`roadmap mapping try --json`: `trial`", (mapping_command.document,)),
    (
        "`roadmap tenant list --json`: `tenants[]`",
        ("key", "name", "land", *tenants.SWITCHES, "feedback"),
    ),
    ("`roadmap platform list --json`: `platforms[]`", (platforms.listed.callback,)),
    ("`roadmap deployment list --json`: `deployments[]`", (platforms.deployments.callback,)),
    ("`roadmap keys list --json`: `keys[]`", (platforms.list_keys.callback,)),
    ("`roadmap privacy purge --json`", (persons.purge.callback,)),
    ("`roadmap content check --json`", (content.check.callback,)),
    ("`roadmap assessment simulate --json`", ("runs", "summary")),
    ("… `runs[]`", (Run.document,)),
)

WRITTEN = {
    wire.RECOMMENDED: "the service recommends a path with its steps (on acceptance)",
    wire.REGISTERED: "the learner is registered for it (on acceptance)",
    wire.DESELECTED: "it is withdrawn (objection to proposals, or deletion)",
    wire.ASSERTED: "the learner shared a result with this LRS; confidence and pieces of evidence",
    wire.VOIDED: "a shared result is taken back, or replaced by a newer one",
}

VISIBLE = {
    "learner": "nur die Person selbst",
    "nobody": "niemand; nur das Programm",
    "learner, receiving system": "die Person selbst und das System, an das es geht",
    "learner, chosen recipient": "die Person selbst und wen sie dafür gewählt hat",
    "systems with a key of this LRS": "Systeme mit einem Schlüssel für diesen LRS",
    "administration": "die Verwaltung der Kommune",
    "operator": "wer den Dienst betreibt; ohne Namen die Verwaltung der Kommune",
    "learner, administration": "die Person selbst und die Verwaltung der Kommune",
}


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with --check only compare; return the exit code."""
    old = [path for path in TARGETS if path.read_text(encoding="utf-8") != rendered(path)]
    for path in old:
        print(f"{path.relative_to(ROOT)} is out of date" if "--check" in arguments else path)
        if "--check" not in arguments:
            path.write_text(rendered(path), encoding="utf-8")
    return 1 if old and "--check" in arguments else 0


def rendered(path: Path) -> str:
    """Return the file as it should be."""

    def part(match: re.Match[str]) -> str:
        return f"{match[1]}{PARTS[match[2]]().strip()}\n{match[3]}"

    return MARKED.sub(part, path.read_text(encoding="utf-8"))


def every_command(
    command: click.Command = cli, path: tuple[str, ...] = ("roadmap",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    if command.invoke_without_command:
        yield path, command
    for name, below in command.commands.items():
        yield from every_command(below, (*path, name))


def commands() -> str:
    parts, group = [], ""
    for path, command in every_command():
        if path[1] != group:
            group = path[1]
            parts.append(f"## roadmap {group}\n")
        parts.append(_command(path, command))
    return "\n".join(parts)


def _command(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(path))
    said, _, example = inspect.cleandoc(command.help or "").partition("Example: ")
    records = [p.get_help_record(context) for p in command.get_params(context)]
    options = [
        f"- `{r[0]}` {r[1]}".rstrip() for r in records if r and r[1] and "--help" not in r[0]
    ]
    usage = " ".join([*path, *command.collect_usage_pieces(context)])
    lines = [f"**`{usage}`**", "", " ".join(said.split()), "", *options]
    return "\n".join([*lines, *([""] if options else []), f"```\n{example.strip()}\n```", ""])


def settings_table() -> str:
    rows = [
        (f"`{key}`", f"`ROADMAP__{key.replace('.', '__').upper()}`", f"`{_toml(value)}`", words)
        for key, value, words in every_setting()
    ]
    return _table(("setting", "environment", "default", "what it is"), rows)


def every_setting() -> Iterator[tuple[str, Any, str]]:
    """Yield key, default and the comment above it; a key without one shares the last."""
    text = settings.DEFAULT_FILE.read_text(encoding="utf-8")
    values, section, words, open_ = tomllib.loads(text), "", "", False
    for line in text.splitlines():
        if line.startswith("#"):
            words, open_ = (f"{words} {line[1:].strip()}" if open_ else line[1:].strip()), True
            continue
        open_ = False
        if line.startswith("["):
            section, words = line.strip("[]"), ""
        elif " = " in line:
            name = line.partition(" = ")[0]
            place = values[section] if section else values
            yield f"{section}.{name}".lstrip("."), place[name], words


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def routes() -> str:
    app = _app()
    rows = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: (r.rule, sorted(r.methods or ()))):
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        rows.append((f"`{rule.rule}`", ", ".join(methods), _purpose(app, rule.endpoint)))
    return _table(("address", "methods", "what it is for"), rows)


def _purpose(app: Flask, endpoint: str) -> str:
    said = ROUTES.get(endpoint) or (app.view_functions[endpoint].__doc__ or "").split("\n")[0]
    if not said:
        raise Undocumented(f"route {endpoint}: add it to ROUTES in tools/build_docs.py")
    return said


def _app() -> Flask:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/docs.db"
        house = build(settings.load({"ROADMAP__DATABASE__URL": url}))
        try:
            migrations.upgrade(house.database)
            return create_app(house.settings, house)
        finally:
            house.close()


def refusals() -> str:
    rows = [(f"`{c.slug}`", str(c.status), f"`{c.case.value}`") for c in Code]
    return _table(("code", "status", "case on the page"), rows)


def remedies() -> str:
    """Return the German table of what each refusal means and what to do."""
    rows = [
        (", ".join(f"`{code}`" for code in e["codes"]), e["cause_de"], e["remedy_de"])
        for e in tomllib.loads(REMEDIES.read_text(encoding="utf-8"))["refusal"]
    ]
    return _table(("Grund", "Ursache", "was zu tun ist"), rows)


def jobs_table() -> str:
    if JOBS.keys() != jobs.JOBS.keys():
        raise Undocumented(f"jobs: {JOBS.keys() ^ jobs.JOBS.keys()}")
    clock = _clock()
    rows = [(f"`{name}`", clock.get(name, "when asked for"), JOBS[name]) for name in jobs.JOBS]
    return _table(("job", "every", "what it does"), rows)


def _clock() -> Mapping[str, str]:
    """Return job -> how often, with the setting's name where a setting decides."""
    source = textwrap.dedent(inspect.getsource(jobs._clock_table))
    table = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Dict))
    pairs = zip(table.keys, table.values, strict=True)
    return {ast.literal_eval(key): _seconds(value) for key, value in pairs if key is not None}


def _seconds(value: ast.expr) -> str:
    said = ast.unparse(value)
    setting = said.partition("settings.")[2]
    return f"`{setting}` seconds" if setting else f"{float(said):.0f} s"


def data_tests() -> str:
    found = data_tests_in_use()
    if wrong := found ^ NAMES.keys():
        raise Undocumented(f"data-test names: {', '.join(sorted(wrong))}; see NAMES")
    return _table(("name", "what it marks"), [(f"`{n}`", words) for n, words in NAMES.items()])


def data_tests_in_use() -> set[str]:
    """Return the names that templates and pages give."""
    found: set[str] = set()
    for folder in ("lti_tool/web/templates", "demo/templates"):
        for path in (ROOT / folder).rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r'test=("[a-z-]+")', text))
            found |= set(re.findall(r'timeline\([^)]*, ("[a-z-]+")\)', text))
    return {name.strip('"') for name in found}


def json_keys() -> str:
    rows = []
    for title, sources in JSON:
        keys = dict.fromkeys(k for s in sources for k in ([s] if isinstance(s, str) else _keys(s)))
        rows.append((title, ", ".join(f"`{k}`" for k in keys)))
    return _table(("where", "keys"), rows)


def _keys(function: Callable[..., Any]) -> Iterable[str]:
    """Yield the keys a function writes: of its dict literals, and of its calls of jsonify."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (k.value for k in node.keys if isinstance(k, ast.Constant))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "jsonify":
            yield from (k.arg for k in node.keywords if k.arg)


def xapi_read() -> str:
    rows = [
        (
            f"`{table.ref}`",
            rule.key,
            f"`{rule.verb}`" if rule.verb else "any",
            _more(rule),
            rule.effect,
        )
        for table in mapping.load(ROOT / "content" / "mapping")
        for rule in table.rules
    ]
    return _table(("table", "rule", "verb", "only if", "effect"), rows)


def _more(rule: mapping.Rule) -> str:
    asked = [f"`{t}`" for t in (rule.event, rule.type, rule.category, rule.address) if t]
    if rule.own_parent:
        asked.append("its parent is its own address")
    return "<br>".join(asked)


def xapi_written() -> str:
    if WRITTEN.keys() != wire._DISPLAY.keys():
        raise Undocumented("verbs written: see WRITTEN")
    return _table(("verb", "when"), [(f"`{verb}`", words) for verb, words in WRITTEN.items()])


def person_data() -> str:
    """Return the German table of the purpose registry."""
    file = ROOT / "config" / "privacy.toml"
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    rows = []
    for p in PersonData.load(file):
        why, seen = raw[p.table]["purpose_de"], VISIBLE[p.visible_to]
        rows.append((p.shown["de"], why, p.kept["de"], seen, f"`{p.table}`"))
    return _table(("Was", "Wozu", "Wie lange", "Wer sieht es", "Tabelle"), rows)


def retention_days() -> str:
    """Return the German table of the periods in force by default."""
    rows = [
        (f"`{key}`", f"{value} Tage")
        for key, value, _ in every_setting()
        if key.startswith("retention.")
    ]
    return _table(("Einstellung", "Vorgabe"), rows)


def roles() -> str:
    """Return the German table of the newest role pack: Soll levels 1 to 4 per competence."""
    content = Content.load(ROOT / "content")
    heads = ("Kompetenz", *(f"`{role.key}`" for role in content.roles))
    rows = (
        (f"{code} {known.title}", *(str(r.levels.get(code) or "–") for r in content.roles))
        for code, known in content.framework.by_code.items()
    )
    return _table(heads, rows)


def role_titles() -> str:
    roles = Content.load(ROOT / "content").roles
    return _table(("Schlüssel", "Rolle"), ((f"`{r.key}`", r.title) for r in roles))


def full_house() -> str:
    """Return the times in a full house: the budgets, and what the newest full run measured."""
    measured: dict[tuple[str, str], float] = {}
    for line in RESULTS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["settings"].get("evidence") == FULL_EVIDENCE:
            measured[row["name"].removeprefix("scale_"), row["settings"]["database"]] = row["value"]
    rows = [
        (WHAT_DE[name], *map(_time, (max(budgets), *(measured[name, d] for d in DATABASES))))
        for name, budgets in BUDGET_MS.items()
    ]
    return _table(("was", "Budget", "SQLite", "PostgreSQL"), rows)


def _time(ms: float) -> str:
    if ms < 1000:
        return f"{ms:.0f} ms" if ms >= 1 else "unter 1 ms"
    return f"{ms / 1000:.1f} s".replace(".0 s", " s").replace(".", ",")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings_table,
    "routes": routes,
    "refusals": refusals,
    "remedies": remedies,
    "jobs": jobs_table,
    "data-tests": data_tests,
    "json": json_keys,
    "xapi-read": xapi_read,
    "xapi-written": xapi_written,
    "roles": roles,
    "role-titles": role_titles,
    "person-data": person_data,
    "retention": retention_days,
    "full-house": full_house,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
