"""ILIAS 8 to 12: launches of every kind between the double and the tool, over HTTP.

Tried at a double that was rebuilt from ILIAS's source code, not at a running ILIAS.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import Platform
from lti_tool.store import platforms
from tests.doubles.ilias import GENERATIONS, Context, Ilias, Object, User, running
from tests.doubles.ilias.keys import parts

from .conftest import Tool
from .ilias_walk import Walk, provider_for

NAMES = tuple(GENERATIONS)
MODES = range(7)
CONTEXTS = (
    Context("crs", 88, "Kurs"),
    Context("grp", 89, "Gruppe"),
    Context("cat", 90, "Fachbereich"),
    Context("root", 1, "Magazin"),
)
New = Callable[..., Ilias]


@pytest.fixture
def new_ilias() -> Iterator[New]:
    """Installations, each on its own port."""
    opened: list[Any] = []

    def new(name: str, **more: Any) -> Ilias:
        context = running(Ilias.of(name, **more))
        opened.append(context)
        made: Ilias = context.__enter__()
        return made

    yield new
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(params=NAMES)
def ilias(request: pytest.FixtureRequest, new_ilias: New) -> Ilias:
    return new_ilias(request.param)


@pytest.fixture
def user(ilias: Ilias) -> User:
    made: User = ilias.add(User(6, ext="ext-6", login="mgaertner"))
    return made


@pytest.fixture
def where(ilias: Ilias, tool: Tool) -> Object:
    """An object directly in a course, privacy as we ask for it: SHA-256, no names."""
    return ilias.place(provider_for(ilias, tool))


@pytest.fixture
def walk(ilias: Ilias, tool: Tool) -> Walk:
    return Walk(ilias, tool)


def learner_of(tool: Tool, walk: Walk, where: Object, user: User) -> str:
    return tool.opened(walk.launch(where, user)).learner.id


def sim_error(walk: Walk, form: dict[str, Any]) -> str:
    return walk.authorize(walk.login(form)).header("X-Sim-Error")


# --- the double is the one of the reference -----------------------------------------------------


def test_the_double_s_sub_is_the_reference_s_check_value(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    expected = "c3c11a20bede86d8c891454856cb4f8050b5e3b0054553907dc7ef3d34ba7cc5"
    assert hashlib.sha256(b"62024-01-01 00:00:00").hexdigest() == expected
    claims = claims_of(walk, where, user)
    assert claims["sub"] == expected
    assert claims["email"] == f"{expected}@{walk.ilias.uuid}.ilias"
    assert (claims["name"], claims["given_name"], claims["family_name"]) == ("-", "-", "-")


def claims_of(walk: Walk, where: Object, user: User) -> dict[str, Any]:
    authorized = walk.authorize(walk.login(walk.open(where, user)))
    return parts(json.loads(authorized.body)["fields"]["id_token"])[1]


# --- every kind of launch -----------------------------------------------------------------------

STAFF: dict[str, dict[str, Any]] = {
    "learner": {},
    "write": {"write": True},
    "tutor": {"local_roles": ["il_crs_tutor_88"]},
    "group admin": {"local_roles": ["il_grp_admin_88"]},
    "administrator": {"admin": True},
}
OLD, NEW = {"write", "administrator"}, {"tutor"}


@pytest.mark.matrix
@pytest.mark.parametrize("mode", MODES)
def test_who_may_launch_by_privacy_mode(
    tool: Tool, walk: Walk, where: Object, user: User, mode: int
) -> None:
    where.provider.privacy_ident, where.provider.privacy_name = mode, mode % 4
    form = walk.open(where, user)
    if mode == 4 and walk.ilias.generation.name == "8":
        # 8 and 9 compute the hint anew at each step: their own check fails.
        assert sim_error(walk, form) == "access_denied"
        return
    launched = walk.answer(walk.authorize(walk.login(form)))
    assert tool.opened(launched).platform_kind == "ilias"


@pytest.mark.matrix("ilias", "staff")
@pytest.mark.parametrize("staff", STAFF)
@pytest.mark.parametrize("context", CONTEXTS, ids=lambda c: c.type)
def test_roles_come_by_the_rule_of_each_version_in_every_place(
    tool: Tool, walk: Walk, where: Object, user: User, staff: str, context: Context
) -> None:
    where.context = context
    for name, value in STAFF[staff].items():
        setattr(user, name, value)
    launch = tool.opened(walk.launch(where, user))
    leads = OLD if walk.ilias.generation.write_is_instructor else NEW
    assert launch.instructor is (staff in leads)
    assert (launch.context_id, launch.context_title) == (str(context.ref_id), context.title)


@pytest.mark.slow
def test_every_mode_role_and_place_together(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    ids = (0, 1, 2, 3, 5, 6)
    for mode, context, staff in itertools.product(ids, CONTEXTS, STAFF):
        where.provider.privacy_ident, where.context = mode, context
        user.write, user.admin, user.local_roles = False, False, []
        for name, value in STAFF[staff].items():
            setattr(user, name, value)
        assert walk.launch(where, user).status == 303, (mode, context, staff)


def test_always_learner_wins_over_every_right(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    where.provider.always_learner = True
    user.admin = user.write = True
    user.local_roles = ["il_crs_admin_88"]
    assert not tool.opened(walk.launch(where, user)).instructor


def test_a_tutor_in_a_folder_arrives_as_learner_and_gets_in_all_the_same(
    new_ilias: New, tool: Tool
) -> None:
    ilias = new_ilias("11")
    tutor = ilias.add(User(7, local_roles=["il_crs_tutor_88"]))
    folder = ilias.place(provider_for(ilias, tool), parent_type="fold")
    walk = Walk(ilias, tool)
    launched = walk.launch(folder, tutor)
    assert not tool.opened(launched).instructor
    first = walk.get(tool.base_url + launched.header("Location"))
    assert walk.get(tool.base_url + first.header("Location")).status == 200


# --- what differs in the token ------------------------------------------------------------------


def test_the_target_is_the_login_s_and_the_claim_may_be_our_redirect_uri(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    where.provider.url = f"{tool.base_url}/lernpfad"
    launched = walk.launch(where, user)
    assert tool.opened(launched).target == f"{tool.base_url}/lernpfad"
    assert launched.header("Location").endswith("/lernpfad")


def test_the_target_may_stand_in_a_custom_parameter(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    where.custom = {"page": "lernpfad", "role": "GB"}
    launched = walk.launch(where, user)
    assert launched.header("Location").endswith("/lernpfad")
    assert tool.opened(launched).role == "GB"


def test_an_object_s_parameter_wins_over_the_provider_s(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    where.provider.custom, where.custom = {"role": "GB"}, {"role": "ERZ"}
    assert tool.opened(walk.launch(where, user)).role == "ERZ"


def test_a_variable_that_ilias_never_resolves_is_as_if_it_were_not_there(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    where.custom = {"role": "$User.role", "page": "$ResourceLink.id"}
    launched = walk.launch(where, user)
    assert tool.opened(launched).role == ""
    assert launched.header("Location").endswith("/")


def test_without_parameters_the_start_page_opens(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    assert walk.launch(where, user).header("Location").count("/") == 3


@pytest.mark.parametrize("launch", ["newWin", "ownWin", "embedded"])
def test_a_way_back_is_there_only_where_ilias_names_one(
    tool: Tool, walk: Walk, where: Object, user: User, launch: str
) -> None:
    where.launch = launch
    claims = claims_of(walk, where, user)
    presentation = claims["https://purl.imsglobal.org/spec/lti/claim/launch_presentation"]
    assert bool(presentation["return_url"]) is (launch == "ownWin")
    assert presentation["document_target"] == ("iframe" if launch == "embedded" else "window")
    assert walk.launch(where, user).status == 303


def test_a_refusal_leads_back_only_where_ilias_names_a_way(new_ilias: New, tool: Tool) -> None:
    for launch in ("ownWin", "newWin"):
        ilias = new_ilias("10", clock_offset=-3600)
        person, where = ilias.add(User(6)), ilias.place(provider_for(ilias, tool), launch=launch)
        refused = Walk(ilias, tool).launch(where, person)
        assert refused.code == "token-expired"
        assert (f"{ilias.base}/goto.php" in refused.body) is (launch == "ownWin")


@pytest.mark.matrix
@pytest.mark.parametrize("setting", range(4))
def test_names_and_pictures_are_dropped_at_the_door(
    tool: Tool, walk: Walk, where: Object, user: User, setting: int
) -> None:
    user.first, user.last = f"Xaveria{setting}", f"Quastenflosser{setting}"
    where.provider.privacy_name, where.provider.include_picture = setting, True
    assert walk.launch(where, user).status == 303
    kept = everything(tool)
    assert user.first not in kept
    assert user.last not in kept
    assert not {user.first, user.last} & opened(tool)
    assert f"/picture/{user.id}" not in kept


def test_a_real_mail_address_is_kept_nowhere(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    where.provider.privacy_ident = 3
    user.email = "quasten.flosser@musterstadt.example"
    assert walk.launch(where, user).status == 303
    assert user.email not in everything(tool)
    assert user.email not in opened(tool)


def everything(tool: Tool) -> str:
    """All that the database holds, as text."""
    with tool.database.read() as conn:
        return "\n".join(conn.connection.iterdump())  # type: ignore[attr-defined]


def opened(tool: Tool) -> set[str]:
    """All identifiers the tool keeps of people, unsealed."""
    seal = tool.app.extensions["roadmap"].seal
    with tool.database.read() as conn:
        return {seal.open(row[0]) for row in conn.exec_driver_sql("SELECT sealed FROM identity")}


def test_one_provider_s_objects_share_an_id_where_it_says_so(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    other = walk.ilias.place(where.provider)
    assert len({tool.opened(walk.launch(o, user)).link_id for o in (where, other)}) == 2
    where.provider.use_provider_id = True
    found = {tool.opened(walk.launch(o, user)).link_id for o in (where, other)}
    assert found == {f"p{where.provider.id}"}


def test_a_language_we_do_not_speak_is_english_and_none_is_german(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    for language, spoken in (("fr", "en"), ("en", "en"), ("", "de"), ("de", "de")):
        user.lang = language
        assert tool.opened(walk.launch(where, user)).locale == spoken


# --- who somebody is ----------------------------------------------------------------------------


@pytest.mark.matrix
@pytest.mark.parametrize("mode", [0, 1, 2, 3, 5, 6])
def test_a_person_is_the_same_in_every_object_and_at_every_launch(
    tool: Tool, walk: Walk, where: Object, user: User, mode: int
) -> None:
    where.provider.privacy_ident = mode
    other = walk.ilias.place(where.provider)
    found = {learner_of(tool, walk, o, user) for o in (where, where, other)}
    assert len(found) == 1
    colleague = walk.ilias.add(User(7, ext="ext-7", login="jbecker", email="j.b@m.example"))
    assert learner_of(tool, walk, where, colleague) not in found


def test_the_same_number_at_two_installations_is_two_people(new_ilias: New, tool: Tool) -> None:
    found = set()
    for _ in range(2):
        ilias = new_ilias("10")
        where = ilias.place(provider_for(ilias, tool, privacy_ident=0))
        found.add(learner_of(tool, Walk(ilias, tool), where, ilias.add(User(6))))
    assert len(found) == 2


def test_nobody_is_refused_with_a_code_that_names_the_setting(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    where.provider.privacy_ident, user.ext = 1, ""
    form = walk.open(where, user)
    if not form["fields"]["login_hint"]:
        refused = walk.login(form)
        assert (refused.status, refused.code) == (400, "login-hint-missing")
        return
    refused = walk.answer(walk.authorize(walk.login(form)))
    assert (refused.status, refused.code) == (400, "sub-missing")


def test_without_a_real_address_mode_real_mail_ends_at_the_login(
    new_ilias: New, tool: Tool
) -> None:
    ilias = new_ilias("10")
    where = ilias.place(provider_for(ilias, tool, privacy_ident=3))
    walk = Walk(ilias, tool)
    assert walk.login(walk.open(where, ilias.add(User(6, email="")))).code == "login-hint-missing"


# --- two host names: two issuers, one platform ---------------------------------------------------


def second_name(ilias: Ilias) -> str:
    return ilias.base.replace("localhost", "127.0.0.1")


def alias(tool: Tool, where: Object, issuer: str, *, remove: bool = False) -> None:
    change = platforms.remove_alias if remove else platforms.add_alias
    with tool.database.begin() as conn:
        change(conn, registered(tool, where).id, issuer)


def registered(tool: Tool, where: Object) -> Platform:
    with tool.database.read() as conn:
        every = platforms.listed(conn)
    return next(p for p in every if p.client_id == where.provider.client_id)


def test_an_unknown_second_name_is_another_issuer(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    other = Walk(walk.ilias, tool, second_name(walk.ilias))
    refused = other.login(other.open(where, user))
    assert (refused.status, refused.code) == (403, "issuer-unknown")


def test_under_a_second_name_the_same_person_comes_in(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    alias(tool, where, second_name(walk.ilias))
    first = tool.opened(walk.launch(where, user))
    other = Walk(walk.ilias, tool, second_name(walk.ilias))
    # To the very host she is signed in at: at the other one her session is unknown.
    begun = other.login(other.open(where, user))
    assert begun.header("Location").startswith(f"{second_name(walk.ilias)}/")
    launched = other.answer(other.authorize(begun))
    assert tool.opened(launched).learner.id == first.learner.id
    page = other.get(tool.base_url + launched.header("Location"))
    policy = page.header("Content-Security-Policy").split("frame-ancestors")[1]
    assert second_name(walk.ilias) in policy


def test_a_login_under_one_name_is_not_answered_by_a_token_of_the_other(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    alias(tool, where, second_name(walk.ilias))
    other = Walk(walk.ilias, tool, second_name(walk.ilias))
    other.browsers = walk.browsers
    # Signed in at both; the tool's redirect is bent to the other name.
    other.open(where, user)
    begun = walk.login(walk.open(where, user))
    url = begun.header("Location").replace(walk.ilias.base, second_name(walk.ilias))
    begun.headers = [(n, url if n == "Location" else v) for n, v in begun.headers]
    assert walk.answer(other.authorize(begun)).code == "token-iss-wrong"


def test_a_name_that_is_taken_away_is_unknown_again(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    alias(tool, where, second_name(walk.ilias))
    alias(tool, where, second_name(walk.ilias), remove=True)
    other = Walk(walk.ilias, tool, second_name(walk.ilias))
    assert other.login(other.open(where, user)).code == "issuer-unknown"
    with pytest.raises(NotFound):
        alias(tool, where, second_name(walk.ilias), remove=True)


def test_a_name_that_is_registered_with_this_client_is_no_other_name(
    tool: Tool, walk: Walk, where: Object
) -> None:
    for _ in range(2):
        with pytest.raises(Conflict):
            alias(tool, where, walk.ilias.base)
    alias(tool, where, second_name(walk.ilias))
    with pytest.raises(Conflict):
        alias(tool, where, second_name(walk.ilias))


def test_two_tools_of_one_ilias_each_have_their_names(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    other = walk.ilias.place(provider_for(walk.ilias, tool))
    alias(tool, where, second_name(walk.ilias))
    second = Walk(walk.ilias, tool, second_name(walk.ilias))
    assert second.launch(where, user).status == 303
    assert second.login(second.open(other, user)).code == "client-unknown"


# --- clocks, tabs, cookies ----------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, -30, -58, 3, 55, -65, -110])
def test_a_minute_s_difference_of_clocks_does_no_harm(
    new_ilias: New, tool: Tool, offset: int
) -> None:
    ilias = new_ilias("10", clock_offset=offset)
    where = ilias.place(provider_for(ilias, tool))
    assert Walk(ilias, tool).launch(where, ilias.add(User(6))).status == 303


@pytest.mark.parametrize(
    ("offset", "code"),
    [(3600, "token-from-future"), (-3600, "token-expired"), (70, "token-from-future")],
)
def test_an_hour_s_difference_is_named_with_its_size(
    new_ilias: New, tool: Tool, offset: int, code: str
) -> None:
    ilias = new_ilias("10", clock_offset=offset)
    where = ilias.place(provider_for(ilias, tool))
    refused = Walk(ilias, tool).launch(where, ilias.add(User(6)))
    assert refused.code == code
    with tool.database.read() as conn:
        rows = conn.exec_driver_sql("SELECT skew_s FROM refusal WHERE code = ?", (code,)).scalars()
        assert any(abs(skew - offset) < 5 for skew in rows)


def test_of_two_tabs_opened_before_starting_only_the_last_starts(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    other = walk.ilias.place(where.provider)
    first, second = walk.open(where, user), walk.open(other, user)
    if walk.ilias.generation.one_hint:
        assert sim_error(walk, first) == "invalid_request"
    else:
        assert walk.answer(walk.authorize(walk.login(first))).status == 303
    assert walk.answer(walk.authorize(walk.login(second))).status == 303


def test_tabs_one_after_the_other_live_side_by_side(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    other = walk.ilias.place(where.provider)
    pages = [walk.launch(o, user).header("Location") for o in (where, other)]
    # Both go on to the notice, which is shown before anything else.
    notices = [walk.get(tool.base_url + page).header("Location") for page in pages]
    assert [walk.get(tool.base_url + notice).status for notice in notices] == [200, 200]


def test_a_reload_of_the_way_to_ilias_is_ilias_s_own_error(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    begun = walk.login(walk.open(where, user))
    assert walk.answer(walk.authorize(begun)).status == 303
    again = walk.authorize(begun)
    assert again.header("X-Sim-Error") == "invalid_request"
    if walk.ilias.generation.strict:
        assert walk.answer(again).code == "platform-error"
    else:
        assert "initialLogin Error" in again.body


def test_our_redirect_is_a_get_because_a_post_would_lose_the_session(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    begun = walk.login(walk.open(where, user))
    assert begun.status == 302
    url, _, query = begun.header("Location").partition("?")
    posted = walk.browser(url).post(url, query.encode(), headers={"Origin": tool.base_url})
    landed = walk.get(walk.base + posted.header("Location"))
    lost = not walk.ilias.generation.strict
    assert ("ILIAS login page" in landed.body) is lost


def test_a_lost_session_ends_at_ilias_s_own_login(
    tool: Tool, walk: Walk, where: Object, user: User
) -> None:
    begun = walk.login(walk.open(where, user))
    walk.ilias.sessions.clear()
    assert "ILIAS login page" in walk.authorize(begun).body


def test_a_right_that_is_missing_is_told_where_ilias_tells_it(new_ilias: New, tool: Tool) -> None:
    ilias = new_ilias("12")
    where, walk = ilias.place(provider_for(ilias, tool)), Walk(ilias, tool)
    form = walk.open(where, ilias.add(User(6)))
    begun = walk.login(form)
    where.provider.redirect_uris = ["https://elsewhere.example/"]
    refused = walk.answer(walk.authorize(begun))
    assert (refused.status, refused.code) == (400, "platform-error")
