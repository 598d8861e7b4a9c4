"""The profile page, its print view, and "this is not right"."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.packs import Content
from competency.scale import MAX_LEVEL, MAX_STEP
from lti_tool.errors import NotFound
from lti_tool.flows import more, profiles
from lti_tool.flows.profiles import EvidenceLine, ProfileView
from lti_tool.web import desired, profile_page
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

KINDS = ("not_me", "better", "worse")
WITHDRAWN = "zurueck"


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    hint: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What the learner has said against a piece of evidence; it can be taken back."""

    evidence: str
    text: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What happened to a dispute, shown once above the profile."""

    title: str
    text: str
    code: str


@dataclass(frozen=True, slots=True)
class DisputePage:
    code: str
    title: str
    said: tuple[Said, ...]
    pieces: tuple[Option, ...]
    kinds: tuple[Option, ...]
    contact: str
    text: str = ""
    missing: str = ""  # id of the first list without a choice


def profile() -> str:
    """Show the profile; ?ansicht=druck is made for paper, ?netz=8 draws the net on 8 levels."""
    s = services()
    view = profiles.current(s, current_launch().learner)
    if view is None or not view.profile.required:
        return render_template("profile.html", page={"rows": ()})
    wanted = MAX_STEP if request.args.get("netz") == str(MAX_STEP) else MAX_LEVEL
    page = profile_page.build(view, s.content, wanted)
    if request.args.get("ansicht") == "druck":
        return render_template("profile_print.html", page=page)
    wished = desired.page(current_launch().learner)
    return render_template(
        "profile.html", page=page, receipt=_receipt(view), desired=wished, more=_more()
    )


def _more() -> str:
    """Return what the button says that asks a few questions more; "" where none can be asked."""
    s, learner = services(), current_launch().learner
    if not more.possible(s, learner, datetime.now(UTC)):
        return ""
    return _("Answer %(count)s more questions", count=more.QUESTIONS)


def _receipt(view: ProfileView) -> Receipt | None:
    code, done = request.args.get("thema", ""), request.args.get("gesagt", "")
    if not _lines(view, code) or done not in (*KINDS, WITHDRAWN):
        return None
    nobody = _("Nobody but you reads this. Nobody checks it.")
    stays = _("Your words now stand beside it. The result stays as it was. %(nobody)s")
    texts = {
        "not_me": _("It no longer counts. Your profile is computed anew already. %(nobody)s"),
        "better": stays,
        "worse": stays,
        WITHDRAWN: _("It is as it was before. Your profile is computed anew already."),
    }
    received = _("We have kept what you said")
    title = _("You have taken it back") if done == WITHDRAWN else received
    return Receipt(title, texts[done] % {"nobody": nobody}, code)


def dispute(code: str) -> str:
    return render_template("dispute.html", page=dispute_page(_view(), code))


def correct(code: str) -> Response | str:
    """Take a piece of evidence out, put the learner's own words beside it, or undo either."""
    view, sent = _view(), request.form
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    own, evidence = {e.id for e in _lines(view, code)}, sent.get("evidence", "")
    if sent.get("do") == "withdraw" and evidence in own:
        profiles.withdraw_dispute(s, learner, evidence, now)
        return _received(code, WITHDRAWN)
    if evidence not in own or sent.get("kind") not in KINDS:
        missing = "k0" if evidence in own else "e0"
        return render_template("dispute.html", page=dispute_page(view, code, missing))
    profiles.dispute(s, learner, evidence, sent["kind"], sent.get("text", ""), now)
    return _received(code, sent["kind"])


def _received(code: str, done: str) -> Response:
    return redirect(url_for("learner.profile", thema=code, gesagt=done), 303)


def _view() -> ProfileView:
    view = profiles.current(services(), current_launch().learner)
    if view is None:
        raise NotFound("There is no profile yet.", remedy="Answer some questions first.")
    return view


def _lines(view: ProfileView, code: str) -> tuple[EvidenceLine, ...]:
    framework = services().content.framework
    known = code in framework.by_code or code in framework.areas_by_code
    return profile_page.evidence_for(code, view, framework) if known else ()


def dispute_page(view: ProfileView, code: str, missing: str = "") -> DisputePage:
    content = services().content
    lines = _lines(view, code)
    if not lines:
        raise NotFound("There is no such entry.", remedy="Go back to your profile.")
    return DisputePage(
        code=code,
        title=local(content.framework.topic(code), "title"),
        said=tuple(Said(e.id, profile_page.said_against(e, content)) for e in lines if e.disputed),
        pieces=_pieces([e for e in lines if not e.disputed], content),
        kinds=_kinds(request.form.get("kind", "")),
        contact=current_launch().tenant.settings.contact,
        text=request.form.get("text", "")[: profiles.LONGEST_STATEMENT],
        missing=missing,
    )


def _pieces(lines: Sequence[EvidenceLine], content: Content) -> tuple[Option, ...]:
    chosen = request.form.get("evidence", lines[0].id if len(lines) == 1 else "")
    return tuple(
        Option(e.id, profile_page.evidence_name(e, content), chosen=e.id == chosen) for e in lines
    )


def _kinds(chosen: str) -> tuple[Option, ...]:
    stays = _("It stays. Your words stand beside it.")
    words = {
        "not_me": (_("That was not me"), _("It no longer counts.")),
        "better": (_("I can do this better"), stays),
        "worse": (_("I cannot do this yet"), stays),
    }
    return tuple(Option(kind, *words[kind], chosen=kind == chosen) for kind in KINDS)
