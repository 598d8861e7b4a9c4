"""The minutes of a workshop, to read and for Word."""

from datetime import UTC, datetime

from flask import Response, make_response, render_template

from lti_tool.flows.role_list import day_of
from lti_tool.flows.workshop import Desk
from lti_tool.papers import Facts, Figure, Grid, Heading, Paper, docx_of
from lti_tool.web import minutes as words
from lti_tool.web.admin import session
from lti_tool.web.admin.workshop_parts import found
from lti_tool.web.services import services
from lti_tool.web.wording import local

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def minutes(shop: str) -> str:
    """Show the minutes; they print as they are."""
    here = found(shop)
    paper = _paper(here)
    kinds = {Heading: "heading", Facts: "facts", Grid: "grid", Figure: "figure"}
    blocks = [
        {name: getattr(block, name) for name in block.__dataclass_fields__}
        | {"kind": kinds.get(type(block), "text")}
        for block in paper.blocks
    ]
    page = {"shop": shop, "paper": paper, "blocks": blocks, "role": local(here.role, "title")}
    return render_template("admin/minutes.html", page=page)


def minutes_docx(shop: str) -> Response:
    """Give the minutes out as a Word document."""
    here = found(shop)
    answer = make_response(docx_of(_paper(here)))
    name = f"soll-workshop-{here.role.key}-{day_of(here.workshop.made.at).isoformat()}.docx"
    answer.headers["Content-Type"] = DOCX
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _paper(here: Desk) -> Paper:
    s, tenant = services(), session.current().tenant
    version = None
    if here.workshop.version_id:
        with s.store.read() as work:
            version = work.soll.get(tenant.id, here.workshop.version_id)
    return words.paper(here, s.content, tenant.name, version, datetime.now(UTC))
