"""The profile page, its print view, and "this is not right"."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import NotFound
from lti_tool.flows import profiles
from lti_tool.flows.profiles import ProfileView
from lti_tool.web import profile_page
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

KINDS = ("not_me", "better", "worse")


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    hint: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class DisputePage:
    code: str
    title: str
    pieces: tuple[Option, ...]
    kinds: tuple[Option, ...]
    text: str = ""
    missing: str = ""  # id of the first list without a choice


def profile() -> str:
    """Show the profile; ?ansicht=druck is made for paper."""
    s = services()
    view = profiles.current(s, current_launch().learner)
    if view is None or not view.profile.required:
        return render_template("profile.html", page={"rows": ()})
    page = profile_page.build(view, s.content)
    printed = request.args.get("ansicht") == "druck"
    return render_template("profile_print.html" if printed else "profile.html", page=page)


def dispute(code: str) -> str:
    return render_template("dispute.html", page=dispute_page(_view(), code))


def correct(code: str) -> Response | str:
    """Take a piece of evidence out, or put the learner's own words beside it."""
    view, sent = _view(), request.form
    own = {e.id for e in view.evidence.get(code, ())}
    if sent.get("evidence") not in own or sent.get("kind") not in KINDS:
        missing = "k0" if sent.get("evidence") in own else "e0"
        return render_template("dispute.html", page=dispute_page(view, code, missing))
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    profiles.dispute(s, learner, sent["evidence"], sent["kind"], sent.get("text", ""), now)
    return redirect(url_for("learner.profile"), 303)


def _view() -> ProfileView:
    view = profiles.current(services(), current_launch().learner)
    if view is None:
        raise NotFound("There is no profile yet.", remedy="Answer some questions first.")
    return view


def dispute_page(view: ProfileView, code: str, missing: str = "") -> DisputePage:
    content = services().content
    lines = view.evidence.get(code, ())
    if not lines or code not in content.framework.by_code:
        raise NotFound("There is no such entry.", remedy="Go back to your profile.")
    chosen = request.form.get("evidence", lines[0].id if len(lines) == 1 else "")
    pieces = tuple(
        Option(
            e.id,
            f"{n}. {profile_page.evidence_sentences((e,), content)[0]}",
            e.counter_statement and _("You have already said something about this."),
            e.id == chosen,
        )
        for n, e in enumerate(sorted(lines, key=lambda e: e.at), start=1)
    )
    return DisputePage(
        code=code,
        title=local(content.framework.by_code[code], "title"),
        pieces=pieces,
        kinds=_kinds(request.form.get("kind", "")),
        text=request.form.get("text", "")[: profiles.LONGEST_STATEMENT],
        missing=missing,
    )


def _kinds(chosen: str) -> tuple[Option, ...]:
    stays = _("It stays. Your words stand beside it.")
    words = {
        "not_me": (_("That was not me"), _("It no longer counts.")),
        "better": (_("I can do this better"), stays),
        "worse": (_("I cannot do this yet"), stays),
    }
    return tuple(Option(kind, *words[kind], chosen=kind == chosen) for kind in KINDS)
