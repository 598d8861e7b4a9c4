"""No name, no mail, no answer and no secret in any log, output, foreign page or error column.

The whole loop on real processes with strings that nobody else would write: launches with names,
wrong tokens, answers, the private question, words of her own, a path, deliveries to neighbours
that quote all they hear, pulled statements full of names, broken databases, crashing jobs, wrong
settings, and the commands of the operator. Names and mail are nowhere in the database either,
except where the embedded LRS keeps what it was sent (decision 2.4).
"""

import io
import json
import re
import sqlite3
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, select, text

from lti_tool.settings import ROOT
from lti_tool.store import migrations
from lti_tool.store.database import Database
from lti_tool.store.schema.core import job, outbox
from lti_tool.store.schema.xapi import lrs
from tests.conformance.lti13.platform import KeyServer, Platform, Reply, sign
from tests.conftest import POSTGRES
from tests.integration.trust.canaries import SURE, Canaries, in_tables, spellings
from tests.integration.trust.parrot import MOODS, Parrot
from tests.integration.trust.running import Machine, Person, fields

GIVEN, FAMILY = "Amselina", "Kanarienvögel-Größe"
NAME, USER = f"{GIVEN} {FAMILY}", "akanarienvogel"
MAIL = "amsel.kanarie@vogelhaus.example"
ANSWER = "Kanarienantwort <b>Ich & das 'Pflegeheim' \"Süd\"</b>"
SECRET_KEY = "kanarienschluessel-der-anwendung-0123456789abcdef"
LRS_SECRET = "kanarien-lrs-passwort/+=Äß"
PLAN_TOKEN = "kanarienmarkedeslernplandienstes"
ACCESS_TOKEN = "kanarien.zugriffs-marke.0815"
DB_PASSWORD = "kanarien-datenbank-passwort"
PERSONAL = ("name", "mail")
#: Where the embedded LRS keeps what it was sent, word for word.
EMBEDDED = ("xapi_statement", "xapi_activity", "xapi_document", "xapi_attachment")
VERBATIM = ("xapi_activity.definition", "xapi_statement.raw")
MANY_S = 120.0
BUSY = ("503", "torn")
LRS_NAME, ISSUER = "papagei", "https://papagei.example"
UNIT_PAGE = f"{ISSUER}/mod/page/view.php?id=21"  # what teaches N1, which is on her path
COMPLETED = "http://adlnet.gov/expapi/verbs/completed"


def known() -> dict[str, list[str]]:
    """Return the canaries that are known before; the others hatch during the run."""
    return {
        "name": [NAME, FAMILY, GIVEN, USER],
        "mail": [MAIL],
        "answer": [ANSWER, "Kanarienantwort"],
        "secret key": [SECRET_KEY],
        "LRS password": [LRS_SECRET],
        "plan token": [PLAN_TOKEN],
        "access token": [ACCESS_TOKEN],
        "database password": [DB_PASSWORD],
        "id_token": [],
        "launch secret": [],
        "form token": [],
        "client secret": [],
    }


class Canary(Person):
    """Somebody whose launches are full of canaries; she keeps those that hatch on the way."""

    def __init__(self, machine: Machine, platform: Platform, lineitem: str, sub: str) -> None:
        self.lms, self.tool, self.platform = machine.places.lms, machine.places.tool, platform
        self.lineitem, self.sub = lineitem, sub
        self.http = requests.Session()
        self.before_post = lambda _what: None
        self.acknowledged = []
        self.hatched: dict[str, list[str]] = {"id_token": [], "launch secret": [], "form token": []}

    def _launch(self) -> None:
        begun = self.begin()
        there = self.bring(begun, self.token(begun))
        assert there.status_code == 303, there.text[:1000]
        launch = there.headers["Location"].split("/")[2]
        self.home = f"{self.tool}/l/{launch}/"
        secrets = [c.value or "" for c in there.cookies if launch in c.path]
        assert secrets
        self.hatched["launch secret"] += secrets

    def begin(self, **changes: object) -> Reply:
        form = {k: str(v) for k, v in self.platform.login_form(**changes).items()}
        answer = self._send(f"{self.tool}/lti/login", form)
        return Reply(answer.status_code, list(answer.headers.items()), answer.text)

    def token(self, begun: Reply, **changes: object) -> str:
        claims = self.platform.claims(begun, **(self.personal() | changes))
        made = sign(self.platform.header(), claims, self.platform.key)
        self.hatched["id_token"] += [made, *made.split(".")[1:]]
        return made

    def personal(self) -> dict[str, object]:
        return {
            "sub": self.sub,
            "name": NAME,
            "given_name": GIVEN,
            "family_name": FAMILY,
            "email": MAIL,
            "lis": {"person_sourcedid": USER, "person_name_full": NAME},
            "ext": {"user_username": USER, "lms": "moodle-2"},
            "custom": {"uname": USER, "mail": MAIL, "full": NAME},
            "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
                "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
                "lineitem": self.lineitem,
            },
        }

    def bring(self, begun: Reply, token: str, **more: str) -> requests.Response:
        form = {"state": begun.query.get("state", ""), "id_token": token, **more}
        return self._send(f"{self.tool}/lti/launch", form)

    def csrf(self) -> str:
        token = fields(self.see("hilfe").text)["csrf"]
        self.hatched["form token"].append(token)
        return token


MARK = "=== next command ===\n"
SHELL = f"""
import json, os, sys, urllib.request
from lti_tool.cli import main
before = dict(os.environ)
for words, environ in json.loads(sys.argv[1]):
    if words[0] == "meanwhile":
        urllib.request.urlopen(words[1]).read()
        continue
    for stream in (sys.stdout, sys.stderr):
        print({MARK!r}, end="", file=stream, flush=True)
    os.environ.clear()
    os.environ.update(before | environ)
    sys.argv = ["roadmap", *words]
    code = 0
    try:
        main()
    except SystemExit as done:
        code = done.code or 0
    print("exit", code, "of the command", flush=True)
"""


class Command:
    """Words of a command line, and settings that hold for it only."""

    def __init__(self, *words: str, **environ: str) -> None:
        self.words, self.environ = words, environ


@dataclass
class Town:
    """The machine, its parrot, and everything that was said."""

    machine: Machine
    parrot: Parrot
    keys: KeyServer
    said: dict[str, str] = field(default_factory=dict)  # where -> what: outputs and foreign pages
    strings: dict[str, list[str]] = field(default_factory=known)
    sent: list[str] = field(default_factory=list)  # what went in: the proof that it was there
    clean: list[str] = field(default_factory=list)  # names in files before any statement came
    zip_leaks: list[str] = field(default_factory=list)

    @property
    def canaries(self) -> Canaries:
        return Canaries({kind: tuple(strings) for kind, strings in self.strings.items()})

    @cached_property
    def database(self) -> Database:
        return Database(self.machine.environ["ROADMAP__DATABASE__URL"])

    def run(self, *commands: Command) -> list[int]:
        """Run commands of the operator, one after the other; keep what they say.

        In one process, because starting it is what takes long; each through `main`, as from a
        shell. "meanwhile" asks an address in between. Returns the exit codes of the others.
        """
        named = [c for c in commands if c.words[0] != "meanwhile"]
        given = [(list(c.words), c.environ) for c in commands]
        done = subprocess.run(
            [sys.executable, "-c", SHELL, json.dumps(given)],
            cwd=ROOT,
            env=self.machine.environ,
            capture_output=True,
            text=True,
            timeout=MANY_S * 4,
            check=False,
        )
        for stream in (done.stdout, done.stderr):
            for number, said in enumerate(stream.split(MARK)[1:]):
                name = " ".join(named[number].words[:3])
                self.said[f"{name} #{len(self.said)}"] = said
        return [int(code) for code in re.findall(r"exit (\d+) of the command", done.stdout)]

    def secret_file(self, content: str) -> str:
        path = self.machine.folder / f"secret-{uuid.uuid4().hex}"
        path.write_text(content, encoding="utf-8")
        return str(path)

    def outputs(self) -> dict[str, str]:
        logs = {name: self.machine.said(name) for name in ("web", "worker")}
        return self.said | logs

    def wait(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + MANY_S
        while not true():
            assert time.monotonic() < deadline, what
            time.sleep(0.1)


# --- the run --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def town(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town in which everything has happened; a test each looks at one place."""
    folder = tmp_path_factory.mktemp("canaries")
    settings = {
        "ROADMAP__SECURITY__SECRET_KEY": SECRET_KEY,
        "ROADMAP__LOGS__LEVEL": "DEBUG",
        "ROADMAP__LOGS__FORMAT": "json" if module_url.startswith("sqlite") else "console",
        "ROADMAP__DATABASE__LOCK_TIMEOUT_S": "1",
        "ROADMAP__WORKER__MAX_ATTEMPTS": "3",
        "ROADMAP__WORKER__BACKOFF_S": "0.1",
    }
    parrot, keys = Parrot(ACCESS_TOKEN), KeyServer()
    machine = Machine(folder, module_url, settings)
    made = Town(machine, parrot, keys)
    try:
        everything_happens(made)
        yield made
    finally:
        made.database.close()
        machine.stop()
        parrot.close()
        keys.close()


def everything_happens(town: Town) -> None:
    platform = connected(town)
    person = Canary(town.machine, platform, f"{town.parrot.url}/scores/7/lineitem", "4711")
    other = Canary(town.machine, platform, "", "4712")
    other.personal = lambda: {"sub": "4712"}  # type: ignore[method-assign]
    launched(town, person)
    wrong_launches(town, person)
    person.first_visit("GB")
    wrong_forms(town, person)
    answered(town, person)
    person.accept()
    # Before any statement came, not even the bytes of the files hold a name.
    town.clean = [f"{where}: {kind}" for where, kind in names_in_files(town)]
    statements_arrive(town)
    neighbours_quote(town)
    operator_looks(town)
    her_own_words(town, person)
    foreign_pages(town, other)
    database_breaks(town, person)
    if town.database.sqlite:  # no settings of these mean a database that is there
        settings_are_wrong(town)
    town.strings = {k: [*v, *person.hatched.get(k, ())] for k, v in town.strings.items()}
    town.strings["client secret"] = assertions(town)
    if not town.database.sqlite:
        del town.strings["database password"]
    operator_exports(town)


def connected(town: Town) -> Platform:
    """Do what an administrator does, with secrets in files."""
    platform = Platform(town.machine.places.tool, town.keys, issuer=ISSUER)
    platform.publish()
    urls = {"auth": f"{ISSUER}/auth", "token": f"{town.parrot.url}/token", "jwks": town.keys.url}
    platform_add = Command(
        *("platform", "add", "--tenant", "musterstadt", "--kind", "moodle", "--issuer", ISSUER),
        *("--client-id", platform.client_id, "--deployment-id", "1"),
        *(part for name, url in urls.items() for part in (f"--{name}-url", url)),
        *("--plan-url", f"{town.parrot.url}/plan"),
        *("--plan-token-file", town.secret_file(PLAN_TOKEN)),
    )
    password = ("--key", "k", "--secret-file", town.secret_file(LRS_SECRET))
    place = ("--tenant", "musterstadt", "--endpoint")
    bare = Command("lrs", "add", "x", *place, f"http://k:{LRS_SECRET}@127.0.0.1:9/xapi", *password)
    table = town.secret_file(f"activity_iri,unit\n{UNIT_PAGE},N1\n")
    mapped = Command("mapping", "import", table, "--tenant", "musterstadt")
    assert town.run(platform_add, bare, mapped) == [0, 1, 0]
    lrs_add = Command("lrs", "add", LRS_NAME, *place, f"{town.parrot.url}/xapi", *password)
    moods = (Command("meanwhile", town.parrot.becomes(m)) for m in ("odd", "html", "401"))
    unfriendly = (command for mood in moods for command in (mood, lrs_add))
    friendly = Command("meanwhile", town.parrot.becomes("friendly"))
    codes = town.run(*unfriendly, friendly, lrs_add, Command("lrs", "list", "--json"))
    assert codes[-2:] == [0, 0], town.said
    return platform


def launched(town: Town, person: Canary) -> None:
    person.launch()
    town.sent.append(json.dumps(person.personal(), ensure_ascii=False))


def wrong_launches(town: Town, person: Canary) -> None:
    """Everything that can be wrong with a launch, with canaries in every place."""
    wrong: list[dict[str, object]] = [
        {"exp": 5, "iat": 1},
        {"nonce": NAME},
        {"aud": MAIL},
        {"roles": NAME},
        {"roles": [NAME, 5]},
        {"deployment_id": "9", "context": {"title": NAME}},
        {"version": NAME},
        {"message_type": MAIL},
        {"target_link_uri": f"https://evil.example/{MAIL}"},
        {"launch_presentation": {"locale": f"{NAME}\n", "return_url": "https://x.example"}},
        {"custom": {"role": [NAME]}},
        {"context": {"id": [MAIL]}},
        {"sub": [NAME]},
        {"resource_link": {"id": {"name": NAME}}},
        {NAME: NAME, "iat": MAIL},
    ]
    for changes in wrong:
        begun = person.begin()
        refusal(town, person.bring(begun, person.token(begun, **changes)))
    begun = person.begin()
    good = person.token(begun)
    head, body, signature = good.split(".")
    for token in (f"{head}.{body}.{signature[::-1]}", f"{head}.{body}", good + MAIL, MAIL):
        refusal(town, person.bring(person.begin(), token))
    for header in ({"kid": NAME}, {"jku": MAIL}, {"alg": NAME}, {"typ": MAIL}, {"crit": [NAME]}):
        begun = person.begin()
        made = person.platform.header(**header)
        token = sign(made, person.platform.claims(begun, **person.personal()), person.platform.key)
        person.hatched["id_token"] += token.split(".")[1:]
        refusal(town, person.bring(begun, token))
    for more in ({"state": good}, {"error": NAME, "error_description": MAIL}, {"id_token": ""}):
        refusal(town, person.bring(begun, good, **more))
    for name in ("iss", "login_hint", "target_link_uri", "client_id", "lti_message_hint"):
        form = person.platform.login_form(**{name: f"{NAME}\x07{MAIL}"})
        answer = person.http.post(f"{person.tool}/lti/login", data=form, allow_redirects=False)
        if answer.status_code >= 400:
            refusal(town, answer)


def refusal(town: Town, answer: requests.Response) -> None:
    """Keep the page of something refused: it is read out on the telephone and photographed.

    A page of her own launch carries its own form token, like all of them.
    """
    assert answer.status_code >= 400, answer.status_code
    own = (
        fields(answer.text).get("csrf", "no token") if answer.request.headers.get("Cookie") else ""
    )
    town.said[f"page {answer.status_code} {answer.request.path_url[:30]} #{len(town.said)}"] = (
        f"{answer.headers}\n{answer.text.replace(own, '') if own else answer.text}"
    )


def wrong_forms(town: Town, person: Canary) -> None:
    """Forms of her own launch that are wrong, with canaries in every field."""
    csrf = person.csrf()
    town.sent.append(ANSWER)
    odd = {"choice": ANSWER, "order": ANSWER, "m0": ANSWER, "choices": ANSWER, "do": "answer"}
    for page in ("rolle", "sprache", "hinweis", "lernpfad", "probe", "nur-fuer-mich/x"):
        form = {"role": ANSWER, "version": ANSWER, "language": ANSWER, "offered": ANSWER, **odd}
        answer = person.http.post(person.home + page, data={**form, "csrf": csrf}, timeout=30)
        if answer.status_code >= 400:
            refusal(town, answer)
    for headers in (
        {},
        {"Origin": f"https://{USER}.example"},
        {"Content-Type": ANSWER.encode().hex()},
    ):
        form = {**odd, "csrf": csrf if headers else f"{ANSWER}{csrf}"}
        refusal(
            town, person.http.post(person.home + "frage", data=form, headers=headers, timeout=30)
        )
    for method, where in (("GET", "x/y"), ("PUT", "frage"), ("GET", f"../x/?a={MAIL}")):
        refusal(town, person.http.request(method, person.home + where, data=ANSWER, timeout=30))
    stranger = {"Authorization": f"Bearer {csrf}", "X-Forwarded-For": NAME.encode().hex()}
    refusal(town, requests.get(person.home + "profil", headers=stranger, timeout=30))
    for path in (f"/{USER}", f"/l/x/{ANSWER}", f"/xapi/statements?agent={MAIL}", "/l/"):
        refusal(town, requests.get(person.tool + path, auth=("k", LRS_SECRET.encode()), timeout=30))


def answered(town: Town, person: Canary) -> None:
    """All questions, with wrong forms in between, and the private one."""
    page = person.see("frage").text
    odd = {"position": ANSWER, "choice": ANSWER, "csrf": person.csrf(), "do": "answer"}
    person.http.post(person.home + "frage", data=odd, timeout=30)
    person.http.post(
        person.home + "frage", data={**odd, "position": fields(page)["position"]}, timeout=30
    )
    person.answer_all()
    private = re.findall(r'href="[^"]*/(nur-fuer-mich/[^"]+)"', person.see("daten").text)
    for where in private[:2]:
        person.do(where, choice="1", do="answer", text=ANSWER)


def statements_arrive(town: Town) -> None:
    """Statements in the embedded LRS and at the parrot, with names wherever one can stand."""
    kept = json.loads((town.machine.folder / "lms" / "connection.json").read_text(encoding="utf-8"))
    key = (kept["lrs_key"], kept["lrs_secret"])
    town.strings["LRS password"] += [kept["lrs_secret"], kept["lrs_read_secret"]]
    town.strings["plan token"].append(kept["plan_token"])
    address = f"{town.machine.places.tool}/xapi/statements"
    headers = {"X-Experience-API-Version": "1.0.3"}
    page = {"id": UNIT_PAGE, "definition": {"name": {"de": f"Seite für {NAME}"}}}
    sent = [statement(), statement(), statement(object=page)]
    answer = requests.post(address, json=sent, auth=key, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    town.sent.append(json.dumps(sent, ensure_ascii=False))
    for body in (
        json.dumps([statement(verb={"id": NAME})]),
        json.dumps([statement(actor={"mbox": MAIL})]),
        json.dumps([statement() | {NAME: MAIL}]),
        json.dumps([statement() | {"id": sent[0]["id"], "result": {"response": ANSWER}}]),
        f'[{{"actor": {{"name": "{NAME}", "mbox": "mailto:{MAIL}"',
    ):
        typed = headers | {"Content-Type": "application/json"}
        refusal(town, requests.post(address, body.encode(), auth=key, headers=typed, timeout=30))
    wrong = (key[0], f"{LRS_SECRET}x".encode())
    refusal(town, requests.post(address, json=sent, auth=wrong, headers=headers, timeout=30))
    broken = [
        statement() | {"timestamp": NAME},
        statement() | {NAME: MAIL},
        {"actor": NAME},
        ANSWER,
    ]
    again = [sent[0] | {"object": {"id": f"{ISSUER}/other"}}]
    town.parrot.statements = [*sent, *broken, *again]
    town.parrot.mood = "friendly"
    read = select(lrs.c.name, lrs.c.counts)

    def pulled() -> bool:
        with town.database.read() as conn:
            counts = {r.name: r.counts for r in conn.execute(read)}
        return (
            counts[LRS_NAME].get("quarantined", 0) >= 3
            and counts["eingebaut"].get("stored", 0) >= 3
        )

    town.wait(pulled, "the statements were not pulled")
    town.wait(lambda: any("/scores" in h for h in town.parrot.heard), "her progress was not told")


def statement(**more: Any) -> dict[str, Any]:
    """Return a completion by the person of the launch that repeats her name everywhere."""
    named = {"name": NAME, "mbox": f"mailto:{MAIL}"}
    now = datetime.now(UTC).isoformat()
    return {
        "id": str(uuid.uuid4()),
        "actor": {"name": NAME, "account": {"homePage": ISSUER, "name": "4711"}},
        "verb": {"id": COMPLETED, "display": {"de": f"{NAME} hat abgeschlossen"}},
        "object": {
            "id": f"{ISSUER}/user/profile.php?id=4711",
            "definition": {"name": {"de": f"Profil von {NAME}"}, "description": {"de": MAIL}},
        },
        "result": {"completion": True, "response": ANSWER, "duration": "PT5S"},
        "context": {
            "instructor": named,
            "team": {"objectType": "Group", "member": [named]},
            "extensions": {"https://x.example/user": {"fullname": NAME, "mail": MAIL, "u": FAMILY}},
        },
        "timestamp": now,
        "stored": now,
        **more,
    }


def neighbours_quote(town: Town) -> None:
    """What leaves is refused in every way, each time with all that was said."""
    commands = [
        command
        for mood in (MOODS if town.database.sqlite else MOODS[:2])
        for command in (
            Command("meanwhile", town.parrot.becomes(mood)),
            Command("outbox", "retry"),
            Command("lrs", "push"),
            Command("lrs", "probe", LRS_NAME),
            # Whoever pulls by hand waits minutes for a busy store; the worker does not.
            *([Command("lrs", "pull", LRS_NAME, "--json")] if mood not in BUSY else []),
            Command("outbox", "list", "--json"),
            Command("lrs", "status", "--json"),
            *([Command("check", "--json")] if mood in MOODS[:3] else []),
        )
    ]
    town.run(*commands)
    with town.database.read() as conn:
        rows = [*conn.execute(select(outbox.c.last_error)), *conn.execute(select(lrs.c.last_error))]
    assert any(row.last_error for row in rows)


def operator_looks(town: Town) -> None:
    commands = (
        "check",
        "db current",
        "jobs status",
        "jobs status --json",
        "jobs run purge",
        "jobs run deliver",
        "outbox list",
        "outbox list --json",
        "lrs status",
        "lrs status --json",
        "lrs list",
        "platform list --json",
        "deployment list",
        "tenant list --json",
        "keys list",
        "mapping unmapped --tenant musterstadt --json",
        "mapping try --tenant musterstadt --json",
        "privacy purge --dry-run --json",
        f"person find --tenant musterstadt --issuer {ISSUER} --subject 4711",
    )
    codes = town.run(*(Command(*words.split()) for words in commands))
    assert len(codes) == len(commands)
    assert set(codes) <= {0, 1}, codes


def her_own_words(town: Town, person: Canary) -> None:
    """She says something against her result: only she reads it."""
    page = person.see("profil").text
    where = unescape(re.findall(r'href="[^"]*/(profil/[^"]+/stimmt-nicht)"', page)[0])
    form = person.see(where).text
    evidence = re.findall(r'name="evidence"[^>]*value="([^"]+)"', form)[0]
    sent = {"evidence": evidence, "kind": "better", "text": ANSWER, "csrf": person.csrf()}
    assert person.http.post(person.home + where, data=sent, timeout=30).ok
    assert "Kanarienantwort" in person.see(where).text + export_of(person), "it was not kept"


def export_of(person: Canary) -> str:
    with zipfile.ZipFile(io.BytesIO(person.see("daten/herunterladen").content)) as found:
        return "".join(found.read(name).decode() for name in found.namelist())


def foreign_pages(town: Town, other: Canary) -> None:
    """Somebody else of the same course looks at all her pages."""
    other.launch()
    other.first_visit("GB")
    other.answer_all()
    other.accept()
    for page in ("", "hilfe", "profil", "lernpfad", "daten", "api/me", "api/profile", "api/path"):
        town.said[f"page of somebody else: {page}"] = other.see(page).text
    town.said["export of somebody else"] = export_of(other)
    for path in (
        "/",
        "/datenschutz",
        "/barrierefreiheit",
        "/lti/register",
        "/lti/jwks",
        "/healthz",
    ):
        answer = requests.get(other.tool + path, timeout=30)
        town.said[f"public page: {path}"] = answer.text


def database_breaks(town: Town, person: Canary) -> None:
    """Errors of the database itself, which quote the row that it refuses."""
    page = person.see("profil").text
    where = unescape(re.findall(r'href="[^"]*/(profil/[^"]+/stimmt-nicht)"', page)[0])
    evidence = re.findall(r'name="evidence"[^>]*value="([^"]+)"', person.see(where).text)[0]
    sent = {"evidence": evidence, "kind": "worse", "text": ANSWER, "csrf": person.csrf()}
    for table in ("evidence", "statement", "quarantine", "learner", "nonce"):
        with broken(town, table):
            refused = person.http.post(person.home + where, data=sent, timeout=30)
            if refused.status_code >= 400:
                refusal(town, refused)
            begun = person.begin()
            brought = person.bring(begun, person.token(begun))
            if brought.status_code >= 400:
                refusal(town, brought)
            fresh = [statement(), statement() | {"timestamp": NAME}]
            town.parrot.statements, town.parrot.mood = fresh, "friendly"
            by_hand = Command("jobs", "run", "pull", "--key", lrs_id(town))
            town.run(by_hand, Command("lrs", "pull", LRS_NAME))
            if table == "statement":
                town.wait(lambda: "job failed" in town.machine.said("worker"), "no job has failed")
                with town.database.read() as conn:
                    errors = [r.last_error for r in conn.execute(select(job.c.last_error))]
                assert any(errors), "a job that fails says why"
                town.said["errors of jobs"] = str(errors)
    assert any("page 500" in where for where in town.said), "nothing has crashed"


class broken:
    """Let a table refuse every row, in the words of its database, which quote it."""

    def __init__(self, town: Town, table: str) -> None:
        self.town, self.table = town, table
        self.sqlite = town.database.sqlite

    def __enter__(self) -> None:
        if self.sqlite:
            for what in ("INSERT", "UPDATE"):
                self._do(
                    f"CREATE TRIGGER broken_{what} BEFORE {what} ON {self.table} "
                    f"BEGIN SELECT RAISE(ABORT, '{NAME} {MAIL}'); END"
                )
        else:
            self._do(f"ALTER TABLE {self.table} ADD CONSTRAINT broken CHECK (false) NOT VALID")

    def __exit__(self, *_: object) -> None:
        if self.sqlite:
            for what in ("INSERT", "UPDATE"):
                self._do(f"DROP TRIGGER broken_{what}")
        else:
            self._do(f"ALTER TABLE {self.table} DROP CONSTRAINT broken")

    def _do(self, statement: str) -> None:
        url = self.town.machine.environ["ROADMAP__DATABASE__URL"]
        engine = create_engine(url, connect_args={"timeout": 60} if self.sqlite else {})
        with engine.begin() as conn:
            conn.execute(text(statement))
        engine.dispose()


def lrs_id(town: Town) -> str:
    with town.database.read() as conn:
        return str(conn.execute(select(lrs.c.id).where(lrs.c.name == LRS_NAME)).scalar_one())


def settings_are_wrong(town: Town) -> None:
    """Secrets in settings that cannot be used, each in another way."""
    toml = town.machine.folder / "wrong.toml"
    toml.write_text(f'[security]\nsecret_key = "{SECRET_KEY}\n{NAME}', encoding="utf-8")
    odd = town.machine.folder / "odd.toml"
    odd.write_text(f'[lrs]\npassword = "{LRS_SECRET}"\n[server]\nport = "{SECRET_KEY}"\n', "utf-8")
    url = f"postgresql+psycopg://roadmap:{DB_PASSWORD}@127.0.0.1"
    settings = (
        {"ROADMAP__SECURITY__SECRET_KEY": SECRET_KEY[:20]},
        {"ROADMAP__SECURITY__SECRETKEY": SECRET_KEY},
        {"ROADMAP__SECURITY__SECRET_KEY_FILE": SECRET_KEY},
        {"ROADMAP__SERVER__PORT": SECRET_KEY},
        {"ROADMAP__SERVER__BASE_URL": f"http://{USER}:{LRS_SECRET}@localhost"},
        {"ROADMAP__LRS__POLL_S": LRS_SECRET},
        {"ROADMAP__ENVIRONMENT": DB_PASSWORD},
        {"ROADMAP__CONTENT__DIR": f"/nirgends/{DB_PASSWORD[:0]}"},
        {"ROADMAP__DATABASE__URL": f"mysql://roadmap:{DB_PASSWORD}@127.0.0.1/x"},
        {"ROADMAP__DATABASE__URL": f"{DB_PASSWORD}"},
        {"ROADMAP__DATABASE__URL": f"{url}:9/roadmap"},
        {"ROADMAP__DATABASE__URL": f"{url}:{DB_PASSWORD}/roadmap"},
        {"ROADMAP__DATABASE__URL": f"{url}:9/roadmap?{DB_PASSWORD}=1"},
        {"ROADMAP_CONFIG": str(toml)},
        {"ROADMAP_CONFIG": str(odd)},
    )
    town.sent.append(str(settings))
    words = (("check", "--json"), ("serve",), ("db", "upgrade"))
    codes = town.run(*(Command(*w, **wrong) for wrong in settings for w in words))
    assert len(codes) == len(settings) * len(words)
    assert all(codes), codes


def assertions(town: Town) -> list[str]:
    """Return what we proved ourselves with at the token endpoint: our secret of ten minutes."""
    heard = "\n".join(town.parrot.heard)
    return sorted(set(re.findall(r"client_assertion=(ey[\w.-]+)", heard)))


def operator_exports(town: Town) -> None:
    out = town.machine.folder / "her-own.zip"
    who = (
        "--tenant",
        "musterstadt",
        "--issuer",
        ISSUER,
        "--subject",
        "4711",
        "--reason",
        "Art. 15",
    )
    assert town.run(Command("person", "export", *who, "--out", str(out))) == [0]
    with zipfile.ZipFile(out) as found:
        for name in found.namelist():
            leaks = town.canaries.leaks(found.read(name), *PERSONAL)
            town.zip_leaks += [f"{name}: {kind}" for kind in leaks]
    out.unlink()


# --- where it is looked for -----------------------------------------------------------------------


def names_in_files(town: Town) -> list[tuple[str, str]]:
    """Return file and kind of every name in the bytes of the database, on the disk."""
    found = []
    for path in files_of(town):
        try:
            leaking = town.canaries.leaks(path.read_bytes(), *PERSONAL)
        except OSError:
            continue  # PostgreSQL takes files away while we look
        found += [(str(path), kind) for kind in leaking]
    return found


def files_of(town: Town) -> list[Path]:
    url = town.machine.environ["ROADMAP__DATABASE__URL"]
    if url.startswith("sqlite"):
        return list(Path(url.removeprefix("sqlite:///")).parent.glob("*.db*"))
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text("CHECKPOINT"))
        folder = Path(conn.execute(text("SHOW data_directory")).scalar_one())
        number = conn.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
    engine.dispose()
    return [*(folder / "base" / str(number)).iterdir(), *(folder / "pg_wal").glob("0*")]


def test_every_canary_was_in_the_cage(town: Town) -> None:
    """What was never there cannot leak: each kind went in, or was heard by the neighbour."""
    put_in = "\n".join([*town.sent, *town.parrot.heard, str(town.machine.environ)])
    hatched = {"id_token", "launch secret", "form token"}
    for kind, strings in town.strings.items():
        assert strings, kind
        if kind not in hatched:
            assert kind in town.canaries.leaks(put_in), kind
    assert "refused" in town.machine.said("web")
    assert "launch accepted" in town.machine.said("web")
    assert "job failed" in town.machine.said("worker")


def test_no_log_output_or_foreign_page_holds_a_canary(town: Town) -> None:
    leaking = {where: town.canaries.leaks(said) for where, said in town.outputs().items()}
    assert {where: kinds for where, kinds in leaking.items() if kinds} == {}


def test_no_stack_trace_is_in_a_log_or_on_a_page(town: Town) -> None:
    told = [w for w, said in town.outputs().items() if "Traceback" in said and "page" in w]
    assert told == []
    for name in ("web", "worker"):
        assert "Traceback" not in town.machine.said(name)


def test_no_column_of_errors_counts_or_audit_holds_a_canary(town: Town) -> None:
    everything = in_tables(town.canaries, town.database, ())
    own_words = {"evidence.counter_statement", "statement.raw", *VERBATIM}
    assert [line for line in everything if line.split(":")[0] not in own_words] == []


def test_names_and_mail_are_nowhere_but_where_the_embedded_lrs_keeps_what_it_was_sent(
    town: Town,
) -> None:
    assert in_tables(town.canaries, town.database, PERSONAL, without=EMBEDDED) == []
    verbatim = in_tables(town.canaries, town.database, PERSONAL)
    assert verbatim == sorted(f"{column}: {kind}" for column in VERBATIM for kind in PERSONAL)


def test_the_files_of_the_database_hold_no_name_before_the_lrs_is_sent_one(town: Town) -> None:
    assert town.clean == []
    assert names_in_files(town), "this search finds nothing in files, or the LRS kept nothing"


def test_a_copy_without_the_embedded_lrs_holds_no_name(town: Town, tmp_path: Path) -> None:
    copied = copy_without_the_embedded_lrs(town, tmp_path / "copy")
    assert b"learner" in copied
    assert town.canaries.leaks(copied, *PERSONAL) == []


def copy_without_the_embedded_lrs(town: Town, target: Path) -> bytes:
    url = town.machine.environ["ROADMAP__DATABASE__URL"]
    if not url.startswith("sqlite"):
        dump = [POSTGRES[-1] / "pg_dump", *(f"--exclude-table-data={name}" for name in EMBEDDED)]
        subprocess.run([*dump, f"--file={target}", url.replace("+psycopg", "")], check=True)
        return target.read_bytes()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source:
        source.execute("VACUUM INTO ?", (str(target),))
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        for name in EMBEDDED:
            copy.execute(f"DELETE FROM {name}")
        copy.execute("VACUUM")
    return target.read_bytes()


def test_her_own_copy_holds_names_only_where_the_embedded_lrs_was_sent_them(town: Town) -> None:
    # Art. 15: the whole of what is kept of her, so also what her LMS wrote about her.
    assert {leak.split(":")[0] for leak in town.zip_leaks} == {"statements.json", "index.html"}


# --- the search finds leaks: one proof per kind ---------------------------------------------------

KINDS = sorted(known())
LEAKING = """
import sys
from lti_tool import logs
logs.configure(fmt=sys.argv[1])
logs.log().error("job failed", error=f"The receiver said {sys.argv[2]}.")
"""


def hatchery() -> Canaries:
    """Return canaries of every kind, also of those that hatch during a run."""
    made = {kind: strings or [f"frisch-geschluepft-{kind}"] for kind, strings in known().items()}
    return Canaries({kind: tuple(strings) for kind, strings in made.items()})


@pytest.mark.parametrize("fmt", ["json", "console"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_leaking_line_of_the_log_is_found(kind: str, fmt: str) -> None:
    canaries = hatchery()
    command = [sys.executable, "-c", LEAKING, fmt, canaries.strings[kind][0]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert canaries.leaks(done.stderr) == [kind]


@pytest.mark.parametrize("kind", KINDS)
def test_every_spelling_is_found(kind: str) -> None:
    canaries = hatchery()
    for string in canaries.strings[kind]:
        for way in spellings(string):
            assert kind in canaries.leaks(b"said " + way + b".")
            assert len(way) >= SURE, "too short to prove anything"
    assert canaries.leaks("All is well.") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_leaking_column_is_found(kind: str, tmp_path: Path) -> None:
    canaries, made = hatchery(), Database(f"sqlite:///{tmp_path / 'leak.db'}")
    migrations.upgrade(made)
    row = {"id": "1", "name": "pull", "key": "k", "payload": {}, "state": "failed", "attempts": 1}
    times = {"run_after_us": 1, "created_us": 1}
    said = f"The store said: {canaries.strings[kind][0]}"
    with made.begin() as conn:
        conn.execute(job.insert().values(**row, **times, last_error=said))
    try:
        assert in_tables(canaries, made, ()) == [f"job.last_error: {kind}"]
    finally:
        made.close()


UNCAUGHT = {
    "in the main thread": "raise ValueError(said)",
    "in another thread": "t = threading.Thread(target=fails); t.start(); t.join()",
    "in a finaliser": "Dies()",
    "as a warning": "warnings.warn(said)",
    "in a logger of a library": "logging.getLogger('x').error(said, exc_info=ValueError(said))",
    "in a record that cannot be written": "logging.getLogger('library').error('%d', said)",
}
UNGUARDED = """
import logging, sys, threading, warnings
from lti_tool import logs
said = sys.argv[2]
class Dies:
    def __del__(self): raise ValueError(said)
def fails(): raise ValueError(said)
if sys.argv[1] == "guarded":
    logs.guard()
    logs.configure()
"""


@pytest.mark.parametrize("where", list(UNCAUGHT))
def test_what_nobody_caught_tells_its_kind_and_not_its_words(where: str) -> None:
    canaries = hatchery()

    def said(how: str) -> bytes:
        command = [sys.executable, "-c", UNGUARDED + UNCAUGHT[where], how, f"Hello {NAME}!"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        return done.stdout + done.stderr

    assert "name" in canaries.leaks(said("bare")), "this would prove nothing"
    guarded = said("guarded")
    assert canaries.leaks(guarded) == []
    assert b"ValueError" in guarded or b"library" in guarded or b"warning" in guarded
