"""Every page and state a person can meet, by name: what the look and the axe test walk through."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from competency.items import Kind
from lti_tool.flows import (
    assess,
    external,
    plan,
    profiles,
    providers,
    reflecting,
    roles,
    sharing,
)
from lti_tool.flows.profiles import EvidenceLine
from lti_tool.flows.sharing import Wish
from lti_tool.ports import Learner
from tests.pages.desk import OPERATOR, PROVIDER
from tests.pages.scene import Stage, Visitor

ROLE, OTHER = "GB", "VFA"


@dataclass(frozen=True, slots=True)
class Shown:
    """A page in a state: who sees it, and what was sent to get there (None: just opened)."""

    name: str
    visitor: Visitor | None
    path: str
    form: tuple[tuple[str, str], ...] | None = None


def gallery(stage: Stage) -> Iterator[Shown]:
    """Yield every page and state, with people of their own: they can be seen in any order."""
    yield from _outside()
    yield from _first_visit(stage)
    yield from _questions(stage)
    yield from _between(stage)
    yield from _profile(stage)
    yield from _path(stage)
    yield from _exams(stage)
    yield from _data(stage)


def _outside() -> Iterator[Shown]:
    yield Shown("index", None, "/")
    yield Shown("index-en", None, "/?sprache=en")
    yield Shown("privacy", None, "/datenschutz")
    yield Shown("accessibility", None, "/barrierefreiheit")
    yield Shown("not-found", None, "/gibt-es-nicht")
    yield Shown("session-foreign", None, "/l/00000000-0000-0000-0000-000000000000/")
    yield Shown("launch-refused", None, "/lti/login")
    yield Shown("register", None, "/lti/register")


def _first_visit(stage: Stage) -> Iterator[Shown]:
    yield Shown("notice", stage.visitor(), "hinweis")
    yield Shown("role-suggested", stage.ready(role=ROLE), "rolle")
    plain = stage.ready()
    yield Shown("role", plain, "rolle")
    yield Shown("role-second", stage.ready(ROLE, "ERZ"), "rolle")
    yield Shown("role-third", stage.ready("GB", "ERZ", "DL"), "rolle")
    yield Shown("role-missing", plain, "rolle", ())
    yield Shown("practice", plain, "probe")
    yield Shown("practice-missing", plain, "probe", (("do", "answer"),))
    yield Shown("practice-answered", plain, "probe", (("choice", "0"), ("do", "answer")))
    yield Shown("start-new", stage.ready(ROLE), "")
    yield Shown("start-new-en", stage.ready(ROLE, "DL", language="en"), "")
    yield Shown("help", plain, "hilfe")
    yield Shown("leave", plain, "ende")
    yield Shown("page-unknown", plain, "einheit/gibt-es-nicht")
    yield Shown("form-expired", plain, "rolle", (("csrf", "old"),))


def _questions(stage: Stage) -> Iterator[Shown]:
    for kind in Kind:
        if kind is Kind.REFLECTION:
            continue
        visitor = stage.ready(ROLE)
        stage.ask(visitor, stage.item(kind))
        yield Shown(f"question-{kind.value}", visitor, "frage")
        if kind is not Kind.ORDERING:
            yield Shown(
                f"question-{kind.value}-missing",
                visitor,
                "frage",
                (("position", "1"), ("do", "answer")),
            )
    visitor = stage.ready(ROLE)
    stage.ask(visitor, stage.item(Kind.ORDERING))
    yield Shown("question-ordering-moved", visitor, "frage?order=0-2-1-3&down=1")
    yield Shown("question-already", visitor, "frage?already=1")
    english = stage.ready(ROLE, language="en")
    stage.ask(english, stage.item(Kind.SCENARIO))
    yield Shown("question-en", english, "frage")
    easy = stage.ready(ROLE)
    profiles.prefer_plain(stage.s, _of(stage, easy), True, stage.now)
    stage.ask(easy, stage.item(Kind.SINGLE_CHOICE))
    yield Shown("question-plain", easy, "frage")
    given = stage.assessed(ROLE, most=2)
    yield Shown("question-given", given, "frage/1")
    yield from _for_later(stage)
    yield from _explained(stage)


def _for_later(stage: Stage) -> Iterator[Shown]:
    """A task that was put off, and where it is offered again."""
    busy = stage.ready(ROLE)
    stage.ask(busy, stage.item(Kind.PRACTICAL_TASK))
    assess.put_off(stage.s, _of(stage, busy), 1, stage.now)
    yield Shown("question-left", busy, "frage?left=1")
    yield Shown("question-for-later", busy, "frage/1")
    yield Shown("start-for-later", busy, "")
    done = stage.ready(ROLE)
    stage.ask(done, stage.item(Kind.PRACTICAL_TASK))
    assess.put_off(stage.s, _of(stage, done), 1, stage.now)
    assess.finish(stage.s, _of(stage, done), stage.now)
    yield Shown("done-for-later", done, "geschafft")


def _explained(stage: Stage) -> Iterator[Shown]:
    """What is said after each question where a municipality wants that."""
    for kind in Kind:
        if kind is not Kind.REFLECTION:
            visitor = stage.ready(ROLE)
            stage.ask(visitor, stage.item(kind), feedback="each")
            learner = _of(stage, visitor)
            assess.answer(stage.s, learner, 1, {"dont_know": True}, stage.now)
            yield Shown(f"answered-{kind.value}", visitor, "frage/1")


def _between(stage: Stage) -> Iterator[Shown]:
    open_ = stage.assessed(ROLE, most=6)
    yield Shown("start-open", open_, "")
    yield Shown("pause", open_, "pause")
    done = stage.assessed(ROLE)
    yield Shown("done", done, "geschafft")
    yield Shown("start-done", stage.planned(done), "")
    rested = stage.ready(ROLE)
    assess.start(stage.s, _of(stage, rested), stage.now - timedelta(days=40))
    yield Shown("start-rested", rested, "")
    accepted = stage.planned(stage.assessed(ROLE, luck=0.2), accepted=True)
    yield Shown("start-accepted", accepted, "")


def _profile(stage: Stage) -> Iterator[Shown]:
    yield Shown("profile-none", stage.ready(ROLE), "profil")
    mixed = stage.assessed(ROLE)
    yield Shown("profile", mixed, "profil")
    wishing = stage.assessed(ROLE)
    roles.wish(stage.s, _of(stage, wishing), "AL", stage.now)
    yield Shown("profile-desired", wishing, "profil")
    yield Shown("profile-eight-levels", mixed, "profil?netz=8")
    yield Shown("profile-print", mixed, "profil?ansicht=druck")
    with stage.s.store.read() as work:
        code = work.evidence.of(mixed.learner_id)[0].evidence.competency
    yield Shown("dispute", mixed, f"profil/{code}/stimmt-nicht")
    yield Shown("dispute-missing", mixed, f"profil/{code}/stimmt-nicht", ())
    first = next(e.id for e in _lines(stage, mixed, code))
    profiles.dispute(stage.s, _of(stage, mixed), first, "worse", "Das war Zufall.", stage.now)
    yield Shown("dispute-said", mixed, f"profil/{code}/stimmt-nicht")
    yield Shown("profile-received", mixed, f"profil?thema={code}&gesagt=worse")
    yield Shown("profile-little", _stopped(stage, 2), "profil")
    yield Shown("profile-low", stage.assessed(OTHER, luck=0.0), "profil")
    yield Shown("profile-high", stage.assessed(ROLE, luck=1.0), "profil")
    learner = stage.planned(stage.assessed(ROLE, luck=0.2), accepted=True)
    yield Shown("profile-learned", stage.learned(learner, stage.first_unit(learner)), "profil")


def _stopped(stage: Stage, answers: int) -> Visitor:
    visitor = stage.assessed(ROLE, most=answers)
    assess.finish(stage.s, _of(stage, visitor), stage.now)
    return visitor


def _path(stage: Stage) -> Iterator[Shown]:
    yield Shown("path-none", stage.ready(ROLE), "lernpfad")
    draft = stage.planned(stage.assessed(ROLE, luck=0.3))
    unit = stage.first_unit(draft)
    yield Shown("path-draft", draft, "lernpfad")
    yield Shown("path-tried", draft, "lernpfad?stunden=2&ohne=1")
    yield Shown("path-print", draft, "lernpfad?ansicht=druck")
    yield Shown("postpone", draft, f"lernpfad/{unit}/verschieben")
    yield Shown("postpone-missing", draft, f"lernpfad/{unit}/verschieben", ())
    yield Shown("swap", draft, f"lernpfad/{unit}/tauschen")
    yield Shown("swap-missing", draft, f"lernpfad/{unit}/tauschen", ())
    yield Shown("unit", draft, f"einheit/{unit}")
    accepted = stage.planned(stage.assessed(OTHER, luck=0.3), accepted=True)
    yield Shown("path-accepted", accepted, "lernpfad?getan=angenommen")
    wishing = stage.planned(stage.assessed(OTHER, luck=0.3), accepted=True)
    first = stage.first_unit(wishing)
    plan.postpone(stage.s, _of(stage, wishing), first, 4, stage.now)
    yield Shown("path-proposal", wishing, f"lernpfad?verschoben={first}")
    learned = stage.planned(stage.assessed(ROLE, luck=0.2), accepted=True)
    yield Shown("path-learned", stage.learned(learned, stage.first_unit(learned)), "lernpfad")
    everything = stage.planned(stage.assessed(ROLE, luck=1.0))
    yield Shown("path-nothing", everything, "lernpfad")
    objector = stage.planned(stage.assessed(ROLE))
    plan.object_to_proposals(stage.s, _of(stage, objector), stage.now)
    yield Shown("path-objected", objector, "lernpfad")


def _exams(stage: Stage) -> Iterator[Shown]:
    unit = "A4"
    page = f"rueckblick/{unit}"
    yield Shown("exam-unknown", stage.ready(ROLE), page)
    for name, days in (("ahead", 3), ("soon", 12), ("open", 15), ("late", 40)):
        visitor = stage.ready(ROLE)
        stage.held(visitor, unit, days)
        yield Shown(f"exam-{name}", visitor, page)
    soon = stage.planned(stage.assessed(ROLE, luck=0.2), accepted=True)
    stage.held(soon, unit, 12)
    yield Shown("start-review-soon", soon, "")
    due = stage.planned(stage.assessed(ROLE, luck=1.0))
    stage.held(due, unit, 15)
    yield Shown("start-review-due", due, "")
    begun = stage.examined(stage.ready(ROLE), unit, fitting=1, most=1)
    yield Shown("exam-begun", begun, page)
    yield Shown("exam-question", begun, f"{page}/frage")
    yield Shown("exam-question-missing", begun, f"{page}/frage", (("position", "2"),))
    yield Shown("exam-answer-fits", begun, f"{page}/antwort/1")
    for kind in (Kind.ORDERING, Kind.MATCHING, Kind.MULTIPLE_RESPONSE):
        wrong = stage.ready(ROLE)
        stage.told(wrong, unit, stage.item(kind))
        yield Shown(f"exam-answer-{kind.value}", wrong, f"{page}/antwort/1")
    sits = stage.examined(stage.ready(ROLE), unit, fitting=5)
    yield Shown("exam-sits", sits, f"{page}/ergebnis")
    yield Shown("exam-done", sits, page)
    again = stage.examined(stage.ready(ROLE, language="en"), unit, fitting=1)
    yield Shown("exam-again-en", again, f"{page}/ergebnis")
    yield Shown("profile-review", sits, "profil")


def _data(stage: Stage) -> Iterator[Shown]:
    visitor = stage.planned(stage.assessed(ROLE), accepted=True)
    yield Shown("data", visitor, "daten")
    yield Shown("data-new", stage.visitor(), "daten")
    yield from _sharing(stage)
    yield from _other_tests(stage)
    yield Shown("erase", visitor, "daten/loeschen")
    yield Shown("erase-missing", visitor, "daten/loeschen", ())
    item = next(i for i in stage.s.content.items if i.kind is Kind.REFLECTION)
    yield Shown("reflection", visitor, f"nur-fuer-mich/{item.key}")
    yield Shown("reflection-missing", visitor, f"nur-fuer-mich/{item.key}", ())
    reflecting.reflect(stage.s, _of(stage, visitor), item.key, {"choice": 3}, stage.now)
    yield Shown("reflection-again", visitor, f"nur-fuer-mich/{item.key}")
    gone = stage.assessed(ROLE, most=3)
    yield Shown("erased", gone, "daten/loeschen", (("sure", "yes"),))
    leaver = stage.ready(ROLE)
    yield Shown("left", leaver, "ende", ())


def _sharing(stage: Stage) -> Iterator[Shown]:
    page = "daten/teilen"
    visitor = stage.assessed(ROLE, luck=0.7)
    yield Shown("share-nothing", stage.ready(ROLE), page)
    yield Shown("share", visitor, page)
    yield Shown("share-missing", visitor, page, (("weeks", "4"),))
    topics = tuple(sharing.choice(stage.s, _of(stage, visitor)).said)[:3]
    chosen = (("to", "person:lotse"), ("weeks", "4"), *(("topic", code) for code in topics))
    yield Shown("share-look", visitor, page, chosen)
    some = (("to", "person:lotse"), ("weeks", "4"))
    known = sharing.choice(stage.s, _of(stage, visitor)).said
    yield Shown("share-look-net", visitor, page, (*some, *(("topic", code) for code in known)))
    wish = Wish("person", "lotse", topics, 4)
    seen = sharing.preview(stage.s, _of(stage, visitor), wish, stage.now).mark
    given = sharing.share(stage.s, _of(stage, visitor), wish, seen, stage.now)
    yield Shown("share-given", visitor, f"{page}?geteilt={given.id}")
    yield Shown("shared", None, "/geteilt")


def _other_tests(stage: Stage) -> Iterator[Shown]:
    providers.save(stage.s, OPERATOR, stage.tenant.id, PROVIDER, stage.now)
    page = "daten/andere-tests"
    yield Shown("other-tests", stage.ready(ROLE), page)
    coded = stage.ready(ROLE)
    external.make_code(stage.s, _of(stage, coded), stage.now)
    yield Shown("other-tests-code", coded, f"{page}?neu=1")
    yield Shown("other-tests-en", stage.ready(ROLE, language="en"), page)
    yield Shown("path-test", stage.planned(stage.assessed(ROLE), accepted=True), "lernpfad")
    without = stage.planned(stage.assessed(ROLE), accepted=True)
    external.exclude(stage.s, _of(stage, without), PROVIDER["key"], stage.now)
    yield Shown("path-no-test", without, f"lernpfad?test_entfernt={PROVIDER['key']}")


def _lines(stage: Stage, visitor: Visitor, code: str) -> tuple[EvidenceLine, ...]:
    view = profiles.current(stage.s, _of(stage, visitor))
    assert view is not None
    return view.evidence[code]


def _of(stage: Stage, visitor: Visitor) -> Learner:
    return stage.learner(visitor)
