"""“Other tests”: where to do tests of other providers, and the code that names a person there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.framework import Framework
from competency.provider import PersonBy
from lti_tool.flows import external, providers
from lti_tool.flows.external import TestStep
from lti_tool.web import path_months
from lti_tool.web.path_months import TestCard
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
    )


def _named(codes: Sequence[str], framework: Framework) -> str:
    said = quoted(local(framework.topic(code), "title") for code in codes[:NAMED])
    if len(codes) <= NAMED:
        return said
    return _("%(topics)s and %(count)s more", topics=said, count=len(codes) - NAMED)


def _holds(months: int) -> str:
    return ngettext(
        "A result counts for %(num)d month.", "A result counts for %(num)d months.", months
    )
