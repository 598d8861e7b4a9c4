"""Who somebody is to a tool, by privacy mode (reference/ilias.md 7 and 9.2).

Modes: 0 user id, 1 external account, 2 login, 3 real e-mail, 4 random, 5 SHA-256, 6 SHA-256 and
host. Names: 0 none, 1 first, 2 last, 3 full.
"""

import hashlib
import secrets

from tests.doubles.ilias.world import Ilias, Object, User


def digest(user: User) -> str:
    return hashlib.sha256(f"{user.id}{user.create}".encode()).hexdigest()


def id_form(user: User, mode: int) -> str:
    """Return the id; in mode 4 a new one on every call."""
    forms = {0: str(user.id), 1: user.ext, 2: user.login, 3: f"realemail{user.id}"}
    if mode == 4:
        return secrets.token_hex(16)
    return forms.get(mode, digest(user))


def mail_form(user: User, mode: int, uuid: str, host: str) -> str:
    if mode == 3:
        return user.email
    if mode == 2 and "@" in user.login:
        return user.login
    if mode == 6:
        return f"{digest(user)}@{host.removeprefix('www.')}"[-80:]
    return f"{id_form(user, mode)}@{uuid}.ilias"


def ident(ilias: Ilias, where: Object, user: User, host: str) -> str:
    """Return the ident, stored at the first launch and never refreshed."""
    mode = where.provider.privacy_ident
    made = mail_form(user, mode, ilias.uuid, host)
    return ilias.idents.setdefault((where.obj_id, user.id, mode), made)


def sub(ilias: Ilias, where: Object, user: User, host: str) -> str:
    mode = where.provider.privacy_ident
    if mode == 4 and ilias.generation.strict:
        return ident(ilias, where, user, host).partition("@")[0]
    return id_form(user, mode)


def login_hint(ilias: Ilias, where: Object, user: User, host: str) -> str:
    kind = ilias.generation.hint
    if kind == "sub":
        return sub(ilias, where, user, host)
    known = ident(ilias, where, user, host)
    return known if kind == "ident" else id_form(user, where.provider.privacy_ident)


def names(user: User, setting: int) -> dict[str, str]:
    given, family, name = {
        0: ("-", "-", "-"),
        1: (user.first, "-", user.first),
        2: ("-", user.last, user.last),
        3: (user.first, user.last, f"{user.first} {user.last}"),
    }[setting]
    return {"given_name": given, "family_name": family, "name": name}


def launched(ilias: Ilias, where: Object) -> dict[int, str]:
    """Return who has launched this object: user id and ident."""
    return {usr: ident for (obj, usr, _), ident in ilias.idents.items() if obj == where.obj_id}
