"""Sharing results: choose, look at exactly what would leave, share; and take it back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.framework import Framework
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import sharing
from lti_tool.flows.shared import LRS, PERSON
from lti_tool.flows.sharing import Changed, Choice, Preview, Wish
from lti_tool.ports import LrsTarget, Said, Share
from lti_tool.web import nets, wording
from lti_tool.web.formats import day
from lti_tool.web.profile import Option
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

Lines = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that is shared, as its owner reads it."""

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    rows: Lines
    code: str
    url: str


def share() -> str:
    """Show what is shared, and the form to share more."""
    return _form(Wish("", "", (), sharing.WEEKS[0]))


def shared() -> Response | str:
    """Look at what would leave; share just that; or take something back."""
    did, now = request.form.get("do", ""), datetime.now(UTC)
    if did == "back":
        return _taken_back(now)
    wish, seen = _wish(), request.form.get("seen", "")
    if did == "edit":
        return _form(wish)
    try:
        if did != "share":
            return _preview(wish, now)
        made = sharing.share(services(), current_launch().learner, wish, seen, now)
    except Changed:
        return _preview(wish, now, changed=True)
    except Conflict:
        return _form(wish, missing=True)
    return redirect(url_for("learner.share", geteilt=made.id), 303)


def _taken_back(now: datetime) -> Response:
    s, learner = services(), current_launch().learner
    try:
        gone = sharing.take_back(s, learner, request.form.get("id", ""), now)
    except NotFound:
        return redirect(url_for("learner.share"), 303)  # in another tab, or its time was over
    return redirect(url_for("learner.share", zurueck=gone.recipient), 303)


def _wish() -> Wish:
    sent = request.form
    recipient, _colon, to = sent.get("to", "").partition(":")
    weeks = sent.get("weeks", "")
    return Wish(
        recipient=recipient,
        to=to,
        topics=tuple(dict.fromkeys(sent.getlist("topic")))[:99],
        weeks=int(weeks) if weeks in {str(w) for w in sharing.WEEKS} else 0,
        follow=sent.get("follow") == "yes",
    )


# --- words ----------------------------------------------------------------------------------------


def people() -> dict[str, str]:
    return {
        "lotse": _("My digital guide (Digitallots*in)"),
        "teacher": _("My course lead"),
        "manager": _("My manager"),
        "other": _("Somebody else"),
    }


def level(said: Said) -> str:
    """Return the levels of a topic in words."""
    return wording.from_to(said.low, said.high)


def sure(said: Said) -> str:
    if said.confidence >= wording.VERY_SURE:
        return _("very sure")
    return _("quite sure") if said.confidence >= 0.9 else _("rather sure")


def headings() -> tuple[str, ...]:
    return (_("Topic"), _("Result"))


def rows(said: Iterable[Said]) -> Lines:
    """Return what a recipient reads: topic; level, how sure, on how many pieces it rests."""
    framework = services().content.framework
    return tuple((_title(framework, x.code), _result(x)) for x in said)


def _result(said: Said) -> str:
    # One cell: on a phone four columns leave no room for a whole word.
    pieces = ngettext("%(num)d answer or activity", "%(num)d answers or activities", said.evidence)
    told = _("%(level)s – %(sure)s.", level=level(said), sure=sure(said))
    return told + " " + _("Based on: %(pieces)s.", pieces=pieces)


def _title(framework: Framework, code: str) -> str:
    """Return the title of a topic; of an area also that it is one, among its topics."""
    title = local(framework.topic(code), "title")
    if code in framework.areas_by_code:
        return _("%(area)s (the whole area)", area=title)
    return title


def net(share: Share) -> nets.Picture | None:
    """Return the net that a person sees beside the rows; an LRS gets no picture."""
    if share.recipient == LRS:
        return None
    return nets.of_shared(services().content.framework, share.said)


def _with(share: Share, targets: Iterable[LrsTarget]) -> str:
    if share.recipient == PERSON:
        return people()[share.to]
    name = next((t.name for t in targets if t.id == share.to), "")
    return _("Activity store “%(name)s” (LRS)", name=name)


def _lasts() -> dict[int, str]:
    return {
        4: _("4 weeks"),
        13: _("3 months"),
        26: _("6 months"),
        52: _("12 months"),
    }


def _keeps(share: Share) -> str:
    return _("Always my newest result") if share.follow else _("As it is today, it does not change")


# --- pages ----------------------------------------------------------------------------------------


def _form(wish: Wish, *, missing: bool = False) -> str:
    found = sharing.choice(services(), current_launch().learner)
    page: dict[str, Any] = {
        "said": _receipt(found),
        "shares": [_shown(x, found.targets) for x in found.shares],
        "to": _recipients(found, wish),
        "areas": _areas(found.said, wish),
        "weeks": [Option(str(w), t, chosen=w == wish.weeks) for w, t in _lasts().items()],
        "follow": wish.follow,
        "missing": _missing(wish) if missing else "",
        "headings": headings(),
    }
    return render_template("share.html", page=page)


def _missing(wish: Wish) -> str:
    """Return the id of the first list without a choice."""
    if not wish.to:
        return "an0"
    return "was" if not wish.topics else "bis0"


def _recipients(found: Choice, wish: Wish) -> list[Option]:
    by_code = _("You get a code. You give it to this person yourself.")
    here = _("Programs and administrators of your municipality can read there.")
    options = [(f"{PERSON}:{key}", words, by_code) for key, words in people().items()]
    options += [
        (f"{LRS}:{t.id}", _("Activity store “%(name)s” (LRS)", name=t.name), here)
        for t in found.targets
    ]
    chosen = f"{wish.recipient}:{wish.to}"
    return [Option(value, label, hint, value == chosen) for value, label, hint in options]


def _areas(said: Mapping[str, Said], wish: Wish) -> list[tuple[str, list[Option]]]:
    framework, groups = services().content.framework, []
    for area in framework.areas:
        options = [
            Option(c, local(framework.topic(c), "title"), level(said[c]), c in wish.topics)
            for c in (x.code for x in area.competencies)
            if c in said
        ]
        if area.code in said:
            whole, hint = _("The whole area in one line"), level(said[area.code])
            options.append(Option(area.code, whole, hint, area.code in wish.topics))
        if options:
            groups.append((local(area, "title"), options))
    return groups


def _preview(wish: Wish, now: datetime, *, changed: bool = False) -> str:
    s, learner = services(), current_launch().learner
    found = sharing.preview(s, learner, wish, now)
    targets = sharing.choice(s, learner).targets
    page: dict[str, Any] = {
        "changed": changed,
        "facts": _facts(found.share, targets),
        "headings": headings(),
        "rows": rows(found.share.said),
        "net": net(found.share),
        "lrs": found.share.recipient == LRS,
        "exactly": _exactly(found),
        "stays": stays(found.share.recipient),
        "seen": found.mark,
        "fields": _fields(wish),
    }
    return render_template("share_look.html", page=page)


def _exactly(found: Preview) -> str:
    return json.dumps(list(found.statements), ensure_ascii=False, indent=1)


def _fields(wish: Wish) -> list[tuple[str, str]]:
    """Return the hidden fields that say the same wish again."""
    told = [("to", f"{wish.recipient}:{wish.to}"), ("weeks", str(wish.weeks))]
    told += [("topic", code) for code in wish.topics]
    return [*told, ("follow", "yes")] if wish.follow else told


def _facts(share: Share, targets: Iterable[LrsTarget]) -> tuple[tuple[str, str], ...]:
    return (
        (_("With whom"), _with(share, targets)),
        (_("Until"), day(share.until)),
        (_("When something changes"), _keeps(share)),
    )


def _shown(share: Share, targets: Iterable[LrsTarget]) -> Shown:
    title, *facts = _facts(share, targets)
    code = "-".join(share.code[n : n + 4] for n in range(0, len(share.code), 4))
    url = url_for("shared.door", _external=False) if code else ""
    base = services().base_url
    since = (_("Since"), day(share.shared))
    return Shown(share.id, title[1], (since, *facts), rows(share.said), code, f"{base}{url}")


def lines() -> tuple[str, ...]:
    """Return what is shared, a line each."""
    found = sharing.choice(services(), current_launch().learner)
    return tuple(
        _("%(name)s, until %(day)s", name=_with(x, found.targets), day=day(x.until))
        for x in found.shares
    )


def stays(recipient: str) -> str:
    """Say what taking back cannot reach."""
    if recipient == LRS:
        return _(
            "You can take it back at any time. Then we void the messages and delete the list. "
            "Only the operator of the store can delete voided messages for good. "
            "Copies that somebody made before stay."
        )
    return _(
        "You can take it back at any time. Then the code opens nothing any more. "
        "What somebody has read or written down stays."
    )


def _receipt(found: Choice) -> tuple[str, str]:
    """Return title and text of what has just been done, "" and "" for nothing."""
    if request.method == "GET" and (gone := request.args.get("zurueck", "")) in (LRS, PERSON):
        if gone == LRS:
            return _("Taken back"), _(
                "We void the messages and delete the list. That usually takes a few minutes. "
                "Only the operator of the store can delete voided messages for good. "
                "Copies that somebody made before stay."
            )
        return _("Taken back"), _(
            "The code opens nothing any more. What somebody has read or written down stays."
        )
    made = next((x for x in found.shares if x.id == request.args.get("geteilt")), None)
    if made is None:
        return "", ""
    if made.recipient == PERSON:
        return _("Shared"), _("Give the code to this person yourself. It is below.")
    return _("Shared"), _("It arrives there in the next minutes.")
