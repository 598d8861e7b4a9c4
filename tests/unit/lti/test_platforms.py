"""Small pure parts of the LTI room."""

import ast
from pathlib import Path

import pytest

from lti_tool.lti import adapter
from lti_tool.lti.addresses import origin, with_path_suffix, with_query
from lti_tool.lti.platforms import moodle, paste
from lti_tool.lti.refusal import Code
from lti_tool.web.refusals import WORDS

SIX_LINES = """Platform ID:\t\thttps://ilias.stadt.de
Client ID:\t\tAbCdEfGhIjKlMnO
Deployment ID:\t7
Public keyset URL:\thttps://ilias.stadt.de/lticerts.php
Access token URL:\t\t\thttps://ilias.stadt.de/ltitoken.php
Authentication request URL:\thttps://ilias.stadt.de/ltiauth.php
"""


def test_the_six_lines_of_ilias_are_read() -> None:
    read = paste.read_paste("\n  " + SIX_LINES.replace("\n", "\r\n"))
    assert read.issuer == "https://ilias.stadt.de"
    assert read.deployment_id == "7"
    assert read.auth_url == "https://ilias.stadt.de/ltiauth.php"


def test_a_paste_that_lacks_lines_names_them() -> None:
    lines = SIX_LINES.splitlines()
    with pytest.raises(paste.PasteIncomplete, match=r"client id.*access token url"):
        paste.read_paste("\n".join([lines[0], *lines[2:4], "Access token URL: nothing", lines[5]]))


GERMAN = """Werkzeugdetails
Plattform-ID: https://moodle.stadt.de
Client-ID: abc
Bereitstellungs-ID: 3
URL des öffentlichen Schlüsselbundes: https://moodle.stadt.de/mod/lti/certs.php
Zugriffstoken-URL: https://moodle.stadt.de/mod/lti/token.php
Authentifizierungsanfrage-URL: https://moodle.stadt.de/mod/lti/auth.php
"""


def test_moodles_configuration_details_in_german_are_read() -> None:
    read = paste.read_paste(GERMAN)
    assert (read.issuer, read.client_id, read.deployment_id) == (
        "https://moodle.stadt.de",
        "abc",
        "3",
    )
    assert read.jwks_url.endswith("/certs.php")
    assert read.token_url.endswith("/token.php")
    assert read.auth_url.endswith("/auth.php")


def test_the_empty_form_lacks_every_line() -> None:
    with pytest.raises(paste.PasteIncomplete) as caught:
        paste.read_paste(paste.TEMPLATE)
    assert len(caught.value.lines) == 6


def test_moodles_addresses_follow_from_its_site_address() -> None:
    assert moodle.endpoints("https://m.de/lms/").jwks_url == "https://m.de/lms/mod/lti/certs.php"


def test_every_refusal_has_its_own_code_and_a_page() -> None:
    slugs = [code.slug for code in Code]
    assert len(set(slugs)) == len(slugs)
    assert {code.case for code in Code} == set(WORDS)
    # Only where a server is at fault, ours or the platform's, it is not the request.
    servers = [code for code in Code if code.case in ("PORTAL", "INTERN")]
    theirs = [*servers, Code.REGISTRATION_SILENT]
    assert all(400 <= code.status < 500 for code in Code if code not in theirs)


def test_only_the_adapter_imports_pylti1p3() -> None:
    root = Path(adapter.__file__).parents[2]
    packages = ("lti_tool", "competency", "recommender", "xapi_bridge")
    importing = [
        path.relative_to(root).as_posix()
        for package in packages
        for path in (root / package).rglob("*.py")
        if "pylti1p3" in _imports(path)
    ]
    assert importing == ["lti_tool/lti/adapter.py"]


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_the_pinned_pylti1p3_is_installed() -> None:
    adapter.check_pin()


def test_an_administrator_of_the_system_teaches_no_course() -> None:
    uri = "http://purl.imsglobal.org/vocab/lis/v2/"
    assert uri + "membership#Instructor" in adapter.TEACHERS
    assert uri + "membership/Instructor#TeachingAssistant" in adapter.TEACHERS
    for role in ("membership#Administrator", "system/person#Administrator", "membership#Learner"):
        assert uri + role not in adapter.TEACHERS
    assert uri + "membership#Administrator" in adapter.PLACERS


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://LMS.example:443/a?b", "https://lms.example"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("https://a@b.example/", ""),
        ("ftp://b.example/", ""),
        ("https://", ""),
        ("https://a b/", ""),
        ("https://[::1", ""),
        (5, ""),
        ("https://x.example/\ud800", ""),
    ],
)
def test_origins_are_what_a_browser_compares(url: object, expected: str) -> None:
    assert origin(url) == expected


def test_queries_stay_where_they_are() -> None:
    item = "https://m.de/lineitem?type_id=1"
    assert with_path_suffix(item, "/scores") == "https://m.de/lineitem/scores?type_id=1"
    assert with_query(item, [("a", "b c"), ("d", b"\xff")]) == item + "&a=b+c&d=%FF"
