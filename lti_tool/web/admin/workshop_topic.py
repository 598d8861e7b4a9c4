"""One topic of a workshop: its votes beside the reason of the proposal, settled; and the wall."""

from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import NotFound
from lti_tool.flows import workshop
from lti_tool.flows.workshop import Desk, ReasonMissing, StillVoting
from lti_tool.ports import Agreed
from lti_tool.web import ballot_words
from lti_tool.web.admin import session
from lti_tool.web.admin.soll_parts import tenant_id
from lti_tool.web.admin.workshop_parts import (
    come,
    found,
    invitation,
    topic_lines,
    voted,
    wrong_of,
)
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local


def topic(shop: str, topic: str) -> str:
    """Show the votes about one topic and the form that settles it."""
    return _topic_page(found(shop), topic)


def settle(shop: str, topic: str) -> Response | str:
    """Settle one value with its reason."""
    here = found(shop)
    sent, now = request.form.get("step", ""), datetime.now(UTC)
    if len(sent) != 1 or not (sent.isascii() and sent.isdigit()):
        return _topic_page(here, topic, wrong=_("Choose a value."))
    agreed = Agreed(int(sent), request.form.get("reason", ""))
    try:
        workshop.agree(
            services(), session.actor(), tenant_id(), here.workshop.id, topic, agreed, now
        )
    except ReasonMissing:
        return _topic_page(here, topic, wrong=_("A value needs a reason. One sentence is enough."))
    except StillVoting as error:
        return _topic_page(here, topic, wrong=wrong_of(error))
    following = _next(found(shop), topic)
    if request.form.get("back") == "wall":
        if following:
            return redirect(url_for("admin.wall_topic", shop=shop, topic=following), 303)
        return redirect(url_for("admin.wall", shop=shop), 303)
    return redirect(url_for("admin.workshop", shop=shop, getan="wert"), 303)


def wall(shop: str) -> str:
    """Show on the wall how to take part, how many have voted, and no voter."""
    here = found(shop)
    page = invitation(here.workshop) | {
        "shop": here.workshop.id,
        "role": local(here.role, "title"),
        "hint": local(here.role, "hint"),
        "voting": here.voting is not None,
        "come": come(here),
        "voted": voted(here),
        "topics": topic_lines(here) if here.voting is None else [],
        "settled": here.settled,
        "over": here.workshop.state != workshop.OPEN,
    }
    return render_template("admin/wall.html", page=page)


def wall_topic(shop: str, topic: str) -> str:
    """Show on the wall what the votes say about one topic, beside the reason of the proposal."""
    here = found(shop)
    page = _about_topic(here, topic) | {
        "shop": here.workshop.id,
        "proposed": request.args.get("vorschlag") == "1",
        "before": _next(here, topic, -1),
        "after": _next(here, topic, 1, every=True),
    }
    return render_template("admin/wall_topic.html", page=page)


def _about_topic(here: Desk, code: str) -> dict[str, object]:
    chosen = next((t for t in here.topics if t.code == code), None)
    if chosen is None:
        raise NotFound("There is no such topic.")
    scale = here.workshop.scale
    return {
        "topic": code,
        "role": local(here.role, "title"),
        "about": ballot_words.about(services().content, here.role, code),
        "shown": ballot_words.shown(chosen.view, scale),
        "reason": ballot_words.reason(here.role, code),
        "proposal": "" if chosen.proposal is None else ballot_words.said(chosen.proposal, scale),
        "force": "" if chosen.force is None else ballot_words.said(chosen.force, scale),
        "agreed": ballot_words.said(chosen.agreed.step, scale) if chosen.agreed else "",
        "agreed_step": str(chosen.agreed.step) if chosen.agreed else "",
        "agreed_reason": chosen.agreed.reason if chosen.agreed else "",
        "voting": chosen.view is None or here.voting is not None,
    }


def _topic_page(here: Desk, code: str, wrong: str = "") -> str:
    page = _about_topic(here, code) | {
        "shop": here.workshop.id,
        "choices": [
            (str(a.step), f"{a.mark} {a.word}") for a in ballot_words.anchors(here.workshop.scale)
        ],
        "over": here.workshop.state != workshop.OPEN,
        "back": request.values.get("back", ""),
        "step": request.form.get("step", ""),
        "typed": request.form.get("reason", ""),
        "wrong": wrong,
    }
    return render_template("admin/workshop_topic.html", page=page)


def _next(here: Desk, code: str, step: int = 1, *, every: bool = False) -> str:
    """Return the topic after (or before) this one; without `every` the next that is not settled."""
    codes = [t.code for t in here.topics]
    if code not in codes:
        return ""
    place = codes.index(code) + step
    if step < 0 or every:
        return codes[place] if 0 <= place < len(codes) else ""
    return next((t.code for t in here.topics[place:] if t.agreed is None), "")
