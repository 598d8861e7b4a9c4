"""An address as a QR code, drawn into the page. Only here: segno."""

import segno
from markupsafe import Markup


def drawn(url: str) -> Markup:
    """Return an SVG of geometry only; what it means stands beside it."""
    code = segno.make_qr(url, error="m")
    svg = code.svg_inline(border=4, omitsize=True, svgclass="rm-qr", lineclass=None)
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" ', 1))  # noqa: S704
