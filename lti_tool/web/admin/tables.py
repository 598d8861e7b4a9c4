"""Tables that come and go: uploaded, carried from the preview to the yes, given out as a file."""

import json
from collections.abc import Sequence
from typing import Any

from flask import Response, make_response, request

from lti_tool import sheets
from lti_tool.seal import SealBroken
from lti_tool.web.admin import session
from lti_tool.web.services import house

KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def uploaded(most: int = sheets.LARGEST + 1) -> bytes:
    """Return the file of the form, at most so many bytes of it; empty: none was chosen."""
    upload = request.files.get("file")
    return upload.stream.read(most) if upload else b""


def sealed(what: str, shown: Any) -> str:
    """Return what was shown, for the form that follows: nothing is kept here until it is taken."""
    document = json.dumps([what, session.current().tenant.id, shown], ensure_ascii=False)
    return house().seal.seal(document).decode()


def opened(what: str) -> Any:
    """Return what the form brings back; None: it is nothing that was shown here."""
    try:
        sent = house().seal.open(request.form.get("table", "").encode())
        kind, owner, shown = json.loads(sent)
    except (SealBroken, ValueError):
        return None
    return shown if (kind, owner) == (what, session.current().tenant.id) else None


def given_out(title: str, name: str, rows: Sequence[Sequence[str | float]]) -> Response:
    """Return a table as a file, as CSV or, with `art=xlsx`, as XLSX. `name` has no ending."""
    kind = "xlsx" if request.args.get("art") == "xlsx" else "csv"
    answer = make_response(sheets.xlsx_of(title, rows) if kind == "xlsx" else sheets.csv_of(rows))
    answer.headers["Content-Type"] = KINDS[kind]
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer
