"""ILIAS: tools that register themselves, and parts that an author places.

Tried at a double that was rebuilt from ILIAS's source code, not at a running ILIAS.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from lti_tool.flows import approvals
from lti_tool.ports import Actor, Platform
from lti_tool.store import platforms
from tests.doubles.ilias import GENERATIONS, Ilias, Object, Provider, User, running
from tests.doubles.ilias.registration import TOOL

from .conftest import Tool
from .ilias_walk import Walk, provider_for
from .platform import Reply
from .test_deep_linking import choose, page_of

New = Callable[..., Ilias]


@pytest.fixture
def new_ilias() -> Iterator[New]:
    opened: list[Any] = []

    def new(name: str, **more: Any) -> Ilias:
        context = running(Ilias.of(name, **more))
        opened.append(context)
        made: Ilias = context.__enter__()
        return made

    yield new
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(params=GENERATIONS)
def ilias(request: pytest.FixtureRequest, new_ilias: New) -> Ilias:
    return new_ilias(request.param)


@pytest.fixture
def walk(ilias: Ilias, tool: Tool) -> Walk:
    return Walk(ilias, tool)


def register(walk: Walk, path: str) -> Reply:
    """Start a registration in the repository and follow ILIAS to our page."""
    url = quote(f"{walk.tool.base_url}{path}", safe="")
    started = walk.get(f"{walk.base}{walk.ilias.generation.prefix}/ltiregstart.php?url={url}")
    assert started.status == 302
    return walk.get(started.header("Location"))


def waiting(walk: Walk) -> Platform:
    with walk.tool.database.read() as conn:
        (found,) = platforms.of_issuer(conn, walk.ilias.base)
    return found


def approve(walk: Walk, found: Platform) -> None:
    flows = walk.tool.app.extensions["roadmap"].flows
    approvals.set_platform(flows, Actor("cli"), found.id, "active", datetime.now(UTC))


# --- registration -------------------------------------------------------------------------------


@pytest.mark.matrix
@pytest.mark.parametrize(
    "path", ["/lti/register", "/lti/register?p=ilias", "/lti/register?kommune=musterstadt"]
)
def test_a_registration_begun_in_the_repository_waits_and_then_launches(
    walk: Walk, path: str
) -> None:
    done = register(walk, path)
    assert (done.status, done.code) == (200, ""), done.code
    found = waiting(walk)
    assert (found.state, found.kind, found.deployments) == ("pending", "ilias", {"17": "active"})
    assert found.name == f"ILIAS {walk.ilias.generation.version}"
    provider, user = walk.ilias.providers[17], walk.ilias.add(User(6))
    where = walk.ilias.place(provider)
    assert walk.login(walk.open(where, user)).code == "platform-pending"
    approve(walk, found)
    assert walk.tool.opened(walk.launch(where, user)).platform_id == found.id


def test_what_ilias_made_of_our_document_is_the_tool(walk: Walk) -> None:
    register(walk, "/lti/register")
    made, base = walk.ilias.providers[17], walk.tool.base_url
    assert made.url == made.content_item_url == f"{base}/lti/launch"
    assert made.redirect_uris == [f"{base}/lti/launch"]
    assert made.initiate_login == f"{base}/lti/login"
    assert made.public_keyset == f"{base}/lti/jwks"
    # 11 and 12 switch grades on because we ask for scores; nothing leaves before the tenant does.
    assert made.grade_sync is walk.ilias.generation.line_items


def test_the_last_page_sends_one_message_and_no_other(walk: Walk) -> None:
    done = register(walk, "/lti/register")
    assert re.search(r"<body[^>]* data-quiet", done.body)
    assert re.search(r"<body[^>]* data-close=", done.body)


def test_a_refused_registration_sends_no_message_so_that_its_page_stays(walk: Walk) -> None:
    """ILIAS shows its own error page as soon as any other message comes."""
    refused = register(walk, "/lti/register?kommune=nirgends")
    assert refused.code == "registration-tenant"
    assert re.search(r"<body[^>]* data-quiet", refused.body)
    assert walk.ilias.providers == {}


def test_a_used_or_missing_token_is_named(walk: Walk) -> None:
    at = f"{walk.base}{walk.ilias.generation.prefix}/lticonfig.php"
    refused = walk.get(f"{walk.tool.base_url}/lti/register?openid_configuration={quote(at)}")
    assert refused.code == "registration-token"


def test_a_second_registration_is_a_second_tool(walk: Walk) -> None:
    for _ in range(2):
        assert register(walk, "/lti/register").status == 200
    with walk.tool.database.read() as conn:
        found = platforms.of_issuer(conn, walk.ilias.base)
    assert [set(p.deployments) for p in found] == [{"17"}, {"18"}]


# --- parts of ours, placed by an author ---------------------------------------------------------


@pytest.fixture
def author(ilias: Ilias) -> User:
    made: User = ilias.add(User(6, write=True))
    return made


@pytest.fixture
def where(ilias: Ilias, tool: Tool) -> Object:
    return ilias.place(provider_for(ilias, tool))


def chosen(walk: Walk, where: Object, author: User, *parts: str) -> tuple[str, dict[str, str]]:
    """Launch the page that places, choose, and return what our page would post, and where."""
    launched = walk.launch(where, author, "place")
    browser = walk.browser(walk.tool.base_url)
    at, page = page_of(browser, launched)
    placed = choose(browser, at, page, *parts)
    action = re.search(r'action="([^"]+/placed/[^"]+)"', placed.body)
    token = re.search(r'name="JWT" value="([^"]+)"', placed.body)
    assert action
    assert token
    return action[1], {"JWT": token[1]}


def post_back(walk: Walk, url: str, form: dict[str, str]) -> Reply:
    return walk.browser(url).post(url, form, headers={"Origin": walk.tool.base_url})


def test_12_names_the_object_s_target_only_in_the_token(new_ilias: New, tool: Tool) -> None:
    ilias = new_ilias("12")
    walk, where = Walk(ilias, tool), ilias.place(provider_for(ilias, tool))
    where.custom = {"target_link_uri": f"{tool.base_url}/lernpfad"}
    launched = walk.launch(where, ilias.add(User(6)))
    assert launched.header("Location").endswith("/lernpfad")
    where.custom = {"target_link_uri": "https://evil.example/"}
    assert walk.launch(where, ilias.users[6]).code == "target-foreign"
    # Where the login names a page, the token may not name another.
    where.provider.url = f"{tool.base_url}/frage"
    where.custom = {"target_link_uri": f"{tool.base_url}/lernpfad"}
    assert walk.launch(where, ilias.users[6]).code == "target-mismatch"


@pytest.mark.parametrize("resent", [False, True])
def test_our_answer_arrives_where_ilias_s_cookie_does(
    new_ilias: New, tool: Tool, resent: bool
) -> None:
    for name in ("8", "10", "11"):
        ilias = new_ilias(name, resends_cookie=resent)
        walk, where = Walk(ilias, tool), ilias.place(provider_for(ilias, tool))
        back = post_back(walk, *chosen(walk, where, ilias.add(User(6, write=True)), "path"))
        # The ILIAS of before 2026-03 sees a stranger: placing is by hand there (a parameter).
        assert ("ILIAS login page" in back.body) is not resent


def test_what_was_placed_opens_where_it_should(new_ilias: New, tool: Tool) -> None:
    for name in GENERATIONS:
        ilias = new_ilias(name, resends_cookie=True)
        walk, where = Walk(ilias, tool), ilias.place(provider_for(ilias, tool))
        author = ilias.add(User(6, write=True))
        action, form = chosen(walk, where, author, "path", "role-GB", "unit-A1")
        refs = json.loads(post_back(walk, action, form).body)["refs"]
        opened = [walk.launch(ilias.objects[ref], author) for ref in refs]
        pages = [reply.header("Location").split("/", 3)[3] for reply in opened]
        assert pages == ["lernpfad", "frage", "einheit/A1"], name
        assert [tool.opened(reply).role for reply in opened] == ["", "GB", ""]


def test_a_parameter_by_hand_does_the_same(walk: Walk, where: Object, author: User) -> None:
    where.custom = {"page": "einheit/A1"}
    assert walk.launch(where, author).header("Location").endswith("/einheit/A1")


def test_whoever_ilias_lets_place_is_an_instructor(new_ilias: New, tool: Tool) -> None:
    """ILIAS calls everybody who gets there an instructor; it lets in authors only."""
    ilias = new_ilias("10")
    provider: Provider = provider_for(ilias, tool)
    walk = Walk(ilias, tool)
    launched = walk.launch(ilias.place(provider), ilias.add(User(6)), "place")
    assert tool.opened(launched).instructor


def test_our_document_has_what_each_version_needs(walk: Walk) -> None:
    """8 to 11 end in 500 where a key is missing; the double does so, too."""
    register(walk, "/lti/register")
    at = f"{walk.base}{walk.ilias.generation.prefix}/ltiregistration.php"
    start = walk.get(f"{walk.base}{walk.ilias.generation.prefix}/ltiregstart.php?url=x")
    token = start.query.get("registration_token") or start.header("Location").split("token=")[1]
    body = json.dumps({"client_name": "x", TOOL: {}}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    refused = walk.browser(at).request("POST", at, body, headers)
    assert refused.status == (400 if walk.ilias.generation.strict else 500)
