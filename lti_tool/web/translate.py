"""Messages in the reader's language, with types (flask_babel has none). English is the key."""

import flask_babel


def gettext(message: str, /, **values: object) -> str:
    """Return the message in the reader's language, values filled in."""
    return str(flask_babel.gettext(message, **values))


def ngettext(one: str, many: str, num: int, /, **values: object) -> str:
    """Return the singular or plural; the number itself is %(num)d."""
    return str(flask_babel.ngettext(one, many, num, **values))


def pgettext(context: str, message: str, /, **values: object) -> str:
    """Return a message whose English word needs a context."""
    return str(flask_babel.pgettext(context, message, **values))
