"""What every page's frame knows: language, tenant, foot, form token. Works without a launch.

A refusal is shown before anybody is known, so nothing here may need a session or the database.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from flask import g, request, url_for

from lti_tool.ports import Launch, StaffSession, Tenant
from lti_tool.web import session
from lti_tool.web.formats import language, time_of
from lti_tool.web.services import house
from lti_tool.web.translate import gettext as _

LANGUAGES = {"de": "Deutsch", "en": "English"}


@dataclass(frozen=True, slots=True)
class FootLink:
    label: str
    url: str
    inside: bool = False  # needs a running session


@dataclass(frozen=True, slots=True)
class Site:
    language: str
    other_language: str
    tenant: str
    in_launch: bool
    language_form: str  # where the choice of a language is sent; "" outside of a session
    csrf: str
    here: str
    ends_s: int  # seconds until the session ends without a tap; 0 = no session
    warning_s: int  # how long before that the page says so
    last: bool  # no tap prolongs it: its longest time is over
    shared: bool  # on a device that others use next
    rules: str  # what is true of every session, in one sentence
    foot: tuple[FootLink, ...]

    @property
    def other_language_name(self) -> str:
        return LANGUAGES[self.other_language]


def site() -> Site:
    """Return the frame of this request's page."""
    launch: Launch | None = g.get("launch")
    tenant = _tenant()
    spoken = language()
    return Site(
        language=spoken,
        other_language="de" if spoken == "en" else "en",
        tenant=tenant.name if tenant else "",
        in_launch=launch is not None,
        language_form=_language_form(),
        csrf=str(g.get("csrf", "")),
        here=request.full_path.rstrip("?") if request.method == "GET" else request.path,
        foot=_foot(launch),
        **_ending(launch),
    )


class _Ending(TypedDict):
    ends_s: int
    warning_s: int
    last: bool
    shared: bool
    rules: str


def _ending(launch: Launch | None) -> _Ending:
    left = session.ending()
    if launch is None or left is None:
        return _Ending(ends_s=0, warning_s=0, last=False, shared=False, rules="")
    idle = session.idle_s(launch)
    last = datetime.now(UTC) + timedelta(seconds=left.absolute_s)
    rules = _(
        "If you do not tap for %(minutes)s minutes, you are signed out; at %(time)s in any case.",
        minutes=idle // 60,
        time=time_of(last),
    )
    return _Ending(
        ends_s=left.left_s,
        # Half of five minutes would be warning; a fifth is enough to tap in time.
        warning_s=min(house().settings.session.warning_s, idle // 5),
        last=left.absolute_s <= left.idle_s,
        shared=launch.shared,
        rules=rules,
    )


def spoken_language() -> str:
    """Return the language of this request: the learner's, the asked-for, the browser's."""
    launch: Launch | None = g.get("launch")
    if launch is not None:
        return launch.learner.language if launch.learner.language in LANGUAGES else "de"
    staff: StaffSession | None = g.get("staff")
    if staff is not None:
        return staff.language
    asked = request.args.get("sprache", "")
    if asked in LANGUAGES:
        return asked
    return request.accept_languages.best_match(list(LANGUAGES), "de") or "de"


def _tenant() -> Tenant | None:
    session: Launch | StaffSession | None = g.get("launch") or g.get("staff")
    return session.tenant if session else None


def _language_form() -> str:
    if g.get("launch"):
        return url_for("learner.language")
    return url_for("admin.language") if g.get("staff") else ""


def _foot(launch: Launch | None) -> tuple[FootLink, ...]:
    # The same order everywhere (WCAG 3.2.6). Statements belong to a tenant, known by its key.
    tenant = _tenant()
    key = tenant.key if tenant else None
    statement = url_for("public.accessibility", fuer=key)
    links = (
        FootLink(_("Privacy"), url_for("public.privacy", fuer=key)),
        FootLink(_("Accessibility"), statement),
        FootLink(_("Report a barrier"), f"{statement}#melden"),
    )
    if launch is None:
        return links
    inside = [FootLink(_("Help"), url_for("learner.assistance"), inside=True)]
    if launch.staff:
        inside.append(FootLink(_("Administration"), url_for("learner.administration"), True))
    return (*inside, *links)
