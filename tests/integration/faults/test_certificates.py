"""Certificates that ended, belong to somebody else or come from nobody: named, never accepted."""

from pathlib import Path

import pytest

from lti_tool.lti.outbound import Outbound, Unreachable
from tests.integration.faults.tls import BODY, Authority, served
from xapi_bridge.client import Client
from xapi_bridge.errors import StoreUnreachable

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def test_the_municipalitys_own_authority_is_believed_where_it_is_named(
    authority: Authority,
) -> None:
    with served(authority.issue(HERE, days=9)) as origin:
        rules = Outbound(allow_local_http=True, ca_bundle=authority.bundle)
        assert rules.get(origin, accept="*/*").body == BODY
        with pytest.raises(Unreachable, match=r"not accepted: .*local issuer"):
            Outbound(allow_local_http=True).get(origin, accept="*/*")


@pytest.mark.parametrize(
    ("host", "days", "said"),
    [(HERE, -1, "certificate has expired"), ("lms.example", 9, "IP address mismatch")],
)
def test_a_platforms_wrong_certificate_is_named(
    authority: Authority, host: str, days: int, said: str
) -> None:
    rules = Outbound(allow_local_http=True, ca_bundle=authority.bundle)
    with (
        served(authority.issue(host, days)) as origin,
        pytest.raises(Unreachable, match=f"certificate is not accepted: .*{said}"),
    ):
        rules.get(origin, accept="*/*")


@pytest.mark.parametrize(
    ("host", "days", "said"),
    [(HERE, -1, "expired"), ("lms.example", 9, "mismatch|doesn't match")],
)
def test_a_stores_wrong_certificate_is_named(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, host: str, days: int, said: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with (
        served(authority.issue(host, days)) as origin,
        Client(origin, "key", "secret", patience_s=0.0) as client,
        pytest.raises(StoreUnreachable, match=f"certificate.*({said})"),
    ):
        client.about()


def test_a_store_of_the_own_authority_is_read(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with (
        served(authority.issue(HERE, days=9)) as origin,
        Client(origin, "key", "secret", patience_s=0.0) as client,
    ):
        assert client.about() == {"keys": []}


def test_no_authority_is_invented(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(Unreachable):
        Outbound(allow_local_http=True, ca_bundle=empty).get("https://127.0.0.1:9/", accept="*/*")
