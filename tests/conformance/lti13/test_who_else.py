"""Who else a person is: a trusted attribute, a signed LTI 1.1 id, and nothing else."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator

import pytest

from lti_tool.store import platforms

from .conftest import Tool
from .platform import LTI, Browser, KeyServer, Platform, Reply

SECRET = "an old secret of LTI 1.1"
KEY = "old-key"


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    made = KeyServer()
    yield made
    made.close()


@pytest.fixture
def second(tool: Tool, keys: KeyServer, lms: Platform) -> Platform:
    """Another learning portal of the municipality."""
    made = Platform(tool.base_url, keys, issuer=lms.issuer.replace("lms", "other"))
    made.publish()
    tool.register(made)
    return made


def person(tool: Tool, reply: Reply) -> str:
    return tool.opened(reply).learner.id


def row(tool: Tool, of: Platform) -> str:
    with tool.database.read() as conn:
        return platforms.of_issuer(conn, of.issuer)[-1].id


def trust(tool: Tool, *portals: Platform, attribute: str = "person_sourcedid") -> None:
    with tool.database.begin() as conn:
        for portal in portals:
            platforms.trust(conn, row(tool, portal), attribute)


def numbered(lms: Platform, browser: Browser, sub: str, number: object) -> Reply:
    return lms.launch(browser, sub=sub, lis={"person_sourcedid": number})


def test_a_trusted_number_tells_a_person_at_both_portals(
    tool: Tool, lms: Platform, second: Platform, browser: Browser
) -> None:
    trust(tool, lms, second)
    first = person(tool, numbered(lms, browser, "a", "4711"))
    assert person(tool, numbered(second, browser, "b", "4711")) == first
    assert person(tool, second.launch(browser, sub="b")) == first  # known here from now on


def test_untrusted_the_same_number_tells_nothing(
    tool: Tool, lms: Platform, second: Platform, browser: Browser
) -> None:
    trust(tool, lms)
    first = person(tool, numbered(lms, browser, "a", "815"))
    assert person(tool, numbered(second, browser, "b", "815")) != first


@pytest.mark.parametrize("number", ["", " ", "$Person.sourcedId", None])
def test_no_number_is_nobodys_number(
    tool: Tool, lms: Platform, second: Platform, browser: Browser, number: object
) -> None:
    trust(tool, lms, second)
    first = person(tool, numbered(lms, browser, "a", number))
    assert person(tool, numbered(second, browser, "b", number)) != first


def test_a_custom_parameter_can_be_trusted_too(
    tool: Tool, lms: Platform, second: Platform, browser: Browser
) -> None:
    trust(tool, lms, second, attribute="custom:number")
    first = person(tool, lms.launch(browser, sub="a", custom={"number": "7"}))
    assert person(tool, second.launch(browser, sub="b", custom={"number": "7"})) == first


def test_whoever_is_known_already_is_not_made_one_with_somebody_else(
    tool: Tool, lms: Platform, second: Platform, browser: Browser
) -> None:
    first, other = person(tool, lms.launch(browser, sub="x")), person(tool, second.launch(browser))
    trust(tool, lms, second)
    assert person(tool, numbered(lms, browser, "x", "99")) == first
    assert person(tool, numbered(second, browser, "user-4", "99")) == other


def test_the_number_itself_is_stored_nowhere(tool: Tool, lms: Platform, browser: Browser) -> None:
    trust(tool, lms)
    numbered(lms, browser, "a", "KANARIENVOGEL-17")
    with tool.database.read() as conn:
        for table in ("person_attribute", "identity", "launch", "learner", "audit"):
            assert "KANARIENVOGEL" not in str(conn.exec_driver_sql(f"SELECT * FROM {table}").all())


@pytest.mark.parametrize("lis", [{"person_sourcedid": 5}, {"person_sourcedid": []}, [], "x"])
def test_a_malformed_attribute_is_refused_by_name(
    tool: Tool, lms: Platform, browser: Browser, lis: object
) -> None:
    trust(tool, lms)
    reply = lms.launch(browser, lis=lis)
    assert (reply.status, reply.code) == (400, "claim-malformed")


# --- LTI 1.1


Change = Callable[[dict[str, object]], None]


def migrated(
    lms: Platform, browser: Browser, change: Change = lambda _claim: None, secret: str = SECRET
) -> Reply:
    """Launch as `new-9`, who was `9` in LTI 1.1."""
    begun = lms.login(browser)
    claims = lms.claims(begun, sub="new-9")
    parts = [KEY, lms.deployment_id, lms.issuer, lms.client_id, claims["exp"], claims["nonce"]]
    base = "&".join(str(part) for part in parts)
    mac = hmac.new(secret.encode(), base.encode(), hashlib.sha256).digest()
    claim: dict[str, object] = {
        "user_id": "9",
        "oauth_consumer_key": KEY,
        "oauth_consumer_key_sign": base64.b64encode(mac).decode(),
    }
    change(claim)
    token = lms.token(begun, sub="new-9", **{LTI + "lti1p1": claim, "exp": claims["exp"]})
    return lms.send(browser, begun, token)


def consumer(tool: Tool, lms: Platform) -> None:
    sealed = tool.app.extensions["roadmap"].seal.seal(SECRET)
    with tool.database.begin() as conn:
        platforms.set_former(conn, row(tool, lms), KEY, sealed)


def test_a_signed_former_id_finds_the_person(tool: Tool, lms: Platform, browser: Browser) -> None:
    consumer(tool, lms)
    before = person(tool, lms.launch(browser, sub="9"))
    assert person(tool, migrated(lms, browser)) == before
    assert person(tool, lms.launch(browser, sub="new-9")) == before


def _another_user(claim: dict[str, object]) -> None:
    claim["oauth_consumer_key_sign"] = "A" * 44


def _another_key(claim: dict[str, object]) -> None:
    claim["oauth_consumer_key"] = "other"


def _no_signature(claim: dict[str, object]) -> None:
    del claim["oauth_consumer_key_sign"]


def _odd(claim: dict[str, object]) -> None:
    claim["user_id"] = 9


@pytest.mark.parametrize("change", [_another_user, _another_key, _no_signature, _odd])
def test_an_unsigned_former_id_is_as_if_it_were_not_there(
    tool: Tool, lms: Platform, browser: Browser, change: Change
) -> None:
    consumer(tool, lms)
    before = person(tool, lms.launch(browser, sub="9"))
    assert person(tool, migrated(lms, browser, change)) != before


def test_a_former_id_signed_with_another_secret_is_none(
    tool: Tool, lms: Platform, browser: Browser
) -> None:
    consumer(tool, lms)
    before = person(tool, lms.launch(browser, sub="9"))
    assert person(tool, migrated(lms, browser, secret="guessed")) != before


def test_without_a_registered_key_the_claim_is_not_read(
    tool: Tool, lms: Platform, browser: Browser
) -> None:
    before = person(tool, lms.launch(browser, sub="9"))
    assert person(tool, migrated(lms, browser)) != before


def test_the_old_secret_lies_sealed(tool: Tool, lms: Platform) -> None:
    consumer(tool, lms)
    with tool.database.read() as conn:
        assert SECRET not in str(conn.exec_driver_sql("SELECT * FROM platform").all())
