"""Whom an actor may be, and what must never be taken for the same person."""

from collections.abc import Callable

from xapi_bridge.identity import Alias, Bindings, actors, aliases, normal
from xapi_bridge.parts import ActorKey
from xapi_bridge.statement import Bad, Statement

Hard = Callable[[str], list[Statement | Bad]]
MOODLE, ILIAS = "https://moodle.stadt.example.de", "https://ilias.stadt.example.de/ilias"
BINDINGS = Bindings.of({"m": MOODLE, "i": ILIAS}, {})


def account(name: str, home: str = MOODLE) -> ActorKey:
    return ActorKey("account", name, home)


def key(entries: list[Statement | Bad]) -> ActorKey:
    (statement,) = entries
    assert isinstance(statement, Statement)
    assert statement.actor.key
    return statement.actor.key


def test_moodle_s_account_is_issuer_and_sub() -> None:
    assert aliases(account("4"), BINDINGS)[0] == Alias("m", "sub", "4")


def test_the_same_number_on_another_platform_is_another_person() -> None:
    assert {a.platform_id for a in aliases(account("4"), BINDINGS)} == {"m"}
    assert {a.platform_id for a in aliases(account("4", ILIAS), BINDINGS)} == {"i"}


def test_a_home_page_of_nobody_is_foreign() -> None:
    assert not BINDINGS.knows(account("4", "https://elsewhere.example"))
    assert aliases(account("4", "https://elsewhere.example"), BINDINGS) == ()


def test_a_trailing_slash_is_the_same_home_page() -> None:
    assert aliases(account("4", f"{MOODLE}/"), BINDINGS) == aliases(account("4"), BINDINGS)


def test_ilias_names_scheme_and_host_only() -> None:
    found = aliases(account("ilias-user-6", "https://ilias.stadt.example.de"), BINDINGS)
    assert Alias("i", "usr_id", "6") in found


def test_a_host_that_two_platforms_share_names_neither() -> None:
    twins = Bindings.of({"a": "https://l.example/a", "b": "https://l.example/b"}, {})
    assert not twins.knows(account("4", "https://l.example"))
    assert aliases(account("4", "https://l.example/b"), twins)[0].platform_id == "b"


def test_an_admin_may_bind_another_home_page() -> None:
    bound = Bindings.of({"m": MOODLE}, {"https://old.example/": "m"})
    assert aliases(account("4", "https://old.example"), bound)[0] == Alias("m", "sub", "4")


def test_of_a_mail_the_domain_is_compared_in_lower_case_and_the_local_part_exactly(
    hard: Hard,
) -> None:
    found = {a.value for a in aliases(key(hard("14")), BINDINGS)}
    assert found == {"Aenne.Gross@musterstadt.example"}


def test_an_ilias_ident_is_never_a_mail(hard: Hard) -> None:
    assert {a.kind for a in aliases(key(hard("15")), BINDINGS)} == {"ident"}


def test_a_hashed_mail_is_found_from_the_mail(hard: Hard) -> None:
    mail = Alias("m", "mail", "aenne.gross@musterstadt.example")
    assert key(hard("12")) in actors(mail, BINDINGS)


def test_an_openid_is_compared_exactly_and_never_by_its_number(hard: Hard) -> None:
    assert {(a.kind, a.value) for a in aliases(key(hard("13")), BINDINGS)} == {
        ("openid", "https://id.example.de/nutzer/4711")
    }


def test_every_alias_leads_back_to_the_actor_it_came_from(hard: Hard) -> None:
    keys = [account("4"), account("müller.jürgen@stadt"), account("ilias-user-6", ILIAS)]
    keys += [key(hard("13")), key(hard("14")), key(hard("15"))]
    for one in keys:
        for alias in aliases(one, BINDINGS):
            assert normal(one) in {normal(k) for k in actors(alias, BINDINGS)}
