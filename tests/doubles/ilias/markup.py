"""Pages for a real browser: a form that submits itself, and a frame that hears messages."""

from html import escape

_PAGE = (
    "<!doctype html><html lang=de><meta charset=utf-8><title>ILIAS</title><body>{}</body></html>"
)


def form(action: str, fields: dict[str, str], target: str) -> str:
    hidden = "".join(
        f'<input type=hidden name="{escape(n)}" value="{escape(v)}">' for n, v in fields.items()
    )
    opened = f'<form method=post action="{escape(action)}" target={target}>{hidden}'
    if target == "_blank":
        return _PAGE.format(f"{opened}<button>Starten</button></form>")
    return _PAGE.format(f"{opened}</form><script>document.forms[0].submit()</script>")


def frame(url: str) -> str:
    """Return a page with a frame. ILIAS: any other message than the closing one is a failure."""
    hear = (
        "window.heard = []; addEventListener('message', e => { heard.push(e.data);"
        " if (e.data.subject !== 'org.imsglobal.lti.close') document.title = 'Fehler'; });"
    )
    inside = f'<iframe src="{escape(url)}" width=700 height=800></iframe>'
    return _PAGE.format(f"<script>{hear}</script>{inside}")
