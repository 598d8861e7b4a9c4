"""What differs between ILIAS 8/9, 10, 11 and 12: one row each (reference/ilias.md 9.4)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generation:
    """One profile. `name` 8 stands for 8 and 9."""

    name: str
    version: str
    prefix: str  # of all scripts but goto.php
    hint: str  # what login_hint is: id_form | ident | sub
    lineitems_tail: str  # 10 writes a typo, 11 a slash that matches no route
    write_is_instructor: bool  # else local roles of the immediate parent
    old_claims: bool  # width, height and an empty basic outcome
    short_types: bool  # of the context
    keeps_empty: bool  # empty top-level texts
    real_target: bool  # target_link_uri is the target, not our redirect_uri
    one_hint: bool  # one message hint per PHP session; 12 keys them, for 600 s
    glues: bool  # registration parameters follow with `&`, query or not
    text_deployment: bool  # in the answer to a registration
    strict: bool  # RFC 7591 errors, error=access_denied, aud and jti of an assertion
    line_items: bool  # and bearer tokens are looked at
    token_broken: tuple[int, str]  # answer to an assertion that cannot be verified
    families: tuple[str, str]  # product family in openid configuration and in a launch
    scored: int  # status of an accepted score


_OLD = {
    "hint": "ident",
    "lineitems_tail": "/linetitems/",
    "write_is_instructor": True,
    "old_claims": True,
    "short_types": True,
    "keeps_empty": True,
    "real_target": False,
    "one_hint": True,
    "glues": True,
    "text_deployment": False,
    "strict": False,
    "line_items": False,
    "token_broken": (500, "ERROR_OPEN_SSL_CONF"),
    "families": ("ilias.de", "ilias"),
    "scored": 200,
}
_ELEVEN = _OLD | {
    "lineitems_tail": "/lineitems/",
    "write_is_instructor": False,
    "old_claims": False,
    "glues": False,
    "line_items": True,
    "token_broken": (401, "invalid_client"),
}
_TWELVE = _ELEVEN | {
    "hint": "sub",
    "lineitems_tail": "/lineitems",
    "short_types": False,
    "keeps_empty": False,
    "real_target": True,
    "one_hint": False,
    "text_deployment": True,
    "strict": True,
    "families": ("ilias", "ilias"),
    "scored": 204,
}


def _made(name: str, version: str, prefix: str, row: dict[str, object]) -> Generation:
    return Generation(name=name, version=version, prefix=prefix, **row)  # type: ignore[arg-type]


GENERATIONS = {
    "8": _made("8", "9.7", "/Modules/LTIConsumer", _OLD | {"hint": "id_form"}),
    "10": _made("10", "10.5", "", _OLD),
    "11": _made("11", "11.4", "", _ELEVEN),
    "12": _made("12", "12.0", "", _TWELVE),
}
