"""“Other tests”: where to do tests of other providers, and the code that names a person there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.framework import Framework
from competency.provider import PersonBy
from lti_tool.flows import external, measure, plan, providers
from lti_tool.flows.external import TestStep
from lti_tool.web import path_months
from lti_tool.web.formats import month
from lti_tool.web.path_months import TestCard
from lti_tool.web.path_page import Said
from lti_tool.web.path_topics import Aside
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local, quoted

NAMED = 3  # topics that the path page spells out for one test


@dataclass(frozen=True, slots=True)
class Test:
    """A test as it is offered. `address` "": somebody else says where it is done."""

    name: str
    sentence: str
    address: str


def other_tests() -> str:
    """Show the tests of other providers, and this person's code for them."""
    s, learner = services(), current_launch().learner
    used = [
        k.provider for k in providers.overview(s, learner.tenant_id) if not k.registered.retired
    ]
    found = [p for p in used if p and p.contract_on]
    coded = any(p.columns and p.columns.by is PersonBy.CODE for p in found)
    page = {
        "tests": [Test(p.name, _holds(p.months), p.address) for p in found],
        "coded": coded,
        "code": external.code(s, learner) if coded else "",
        "renewed": "neu" in request.args,
    }
    return render_template("other_tests.html", page=page)


def make_code() -> Response:
    """Make a code; an older one names nobody any more."""
    s, learner = services(), current_launch().learner
    again = bool(external.code(s, learner))
    external.make_code(s, learner, datetime.now(UTC))
    return redirect(url_for("learner.other_tests", neu=1 if again else None), 303)


def planned(start: str) -> tuple[TestCard, ...]:
    """Return the tests of a path that starts in this month, as its page shows them."""
    s, learner = services(), current_launch().learner
    return tuple(_card(step, s.content.framework) for step in external.steps(s, learner, start))


def left_out() -> tuple[Aside, ...]:
    """Return the tests this person does not want in her path; each can be taken back."""
    found = external.excluded(services(), current_launch().learner)
    return tuple(Aside(p.key, _test(p.name), test=True) for p in found)


def change(key: str, *, back: bool) -> Response:
    """Leave a test out of the path, or bring it back; then the path tells what that did."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    ahead = external.steps(s, learner, plan.current(s, learner, now).start)
    came = [p.key for x in ahead if x.provider.key == key for p in x.instead]
    external.exclude(s, learner, key, now, on=not back)
    told = {"test_wieder": key} if back else {"test_entfernt": key, "test_neu": came}
    return redirect(url_for("learner.path", **told), 303)


def said(cards: Sequence[TestCard]) -> Said | None:
    """Return what the last tap did to a test, as far as it is true of the path as it is now."""
    here = {c.key: c for c in cards if not c.done}
    if (key := request.args.get("test_entfernt", "")) and key not in here:
        return _gone(key, [here[k].title for k in request.args.getlist("test_neu") if k in here])
    if key := request.args.get("test_wieder", ""):
        return _back(key, here)
    return None


def _gone(key: str, came: Sequence[str]) -> Said | None:
    found = next((a for a in left_out() if a.key == key), None)
    if found is None:
        return None
    told = [_("It stays away from new paths, too."), _("Your learning units do not change.")]
    if came:
        told.append(_("Instead comes: %(titles)s.", titles=quoted(map(_test, came))))
    title = _("“%(title)s” is left out this year.", title=found.title)
    label = _("This year after all")
    return Said(title, tuple(told), undo=key, undo_label=label, of_test=True)


def _back(key: str, here: Mapping[str, TestCard]) -> Said | None:
    if key in here:
        today = month(measure.month(datetime.now(UTC)))
        title = _test(here[key].title)
        return Said(_("“%(title)s” is planned for %(month)s.", title=title, month=today))
    s, learner = services(), current_launch().learner
    known = {p.key: p.name for p in external.openable(s, learner)}
    if key not in known or key in learner.excluded_tests:
        return None
    title = _("“%(title)s” may be planned again.", title=_test(known[key]))
    return Said(title, (_("Right now the plan does without it."),))


def _test(name: str) -> str:
    return _("Test: %(name)s", name=name)


def _card(step: TestStep, framework: Framework) -> TestCard:
    topics, done = _named(step.topics, framework), step.done is not None
    why = _(
        "Because it is still open what you can do here: %(topics)s. This test can show it.",
        topics=topics,
    )
    came = _("The result has come. It is in your profile: %(topics)s.", topics=topics)
    return TestCard(
        key=step.provider.key,
        title=step.provider.name,
        month=f"{step.done:%Y-%m}" if step.done else "",
        done=done,
        badge=path_months.badge(path_months.DONE if done else path_months.PLANNED),
        said=came if done else why,
        address=step.provider.address,
        without="" if done else _without(step),
    )


def _without(step: TestStep) -> str:
    if step.instead:
        titles = quoted(_test(p.name) for p in step.instead)
        return _("Without it comes instead: %(titles)s.", titles=titles)
    return _("Without it this stays open until you show it in another way.")


def _named(codes: Sequence[str], framework: Framework) -> str:
    said = quoted(local(framework.topic(code), "title") for code in codes[:NAMED])
    if len(codes) <= NAMED:
        return said
    return _("%(topics)s and %(count)s more", topics=said, count=len(codes) - NAMED)


def _holds(months: int) -> str:
    return ngettext(
        "A result counts for %(num)d month.", "A result counts for %(num)d months.", months
    )
