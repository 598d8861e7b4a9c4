"""Attachments and signatures (xAPI 1.0.3 communication 1.5.2; data 2.4.11, 2.6)."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lti_tool.web.xapi import multipart as reading
from tests.conformance.xapi.store import (
    BOUNDARY,
    Lrs,
    attachment,
    file_part,
    multipart,
    new_id,
    part,
    sha2,
    statement,
    substatement,
)

TEXT, BINARY = b"here is a simple attachment", bytes(range(256)) * 40 + b"\r\n--x\r\n\r\n"


def answered(answer: Any) -> tuple[Any, list[reading.Part]]:
    """Return the JSON and the other parts of a multipart answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=")
    first, *others = reading.parts(answer.content, answer.headers["Content-Type"])
    assert first.headers["content-type"] == "application/json"
    return json.loads(first.content), others


# --- with bytes -----------------------------------------------------------------------------------


def test_bytes_come_back_as_they_were_sent(lrs: Lrs) -> None:
    sent = statement(attachments=[attachment(BINARY, contentType="application/pdf")])
    made = lrs.send_multipart(sent, file_part(BINARY, Content_Type="application/pdf"))
    assert made.status_code == 200, made.text
    got, (file,) = answered(lrs.get(statementId=sent["id"], attachments=True))
    assert got["id"] == sent["id"]
    assert file.content == BINARY
    assert file.headers == {
        "content-type": "application/pdf",
        "content-transfer-encoding": "binary",
        "x-experience-api-hash": sha2(BINARY),
    }


def test_a_list_brings_each_file_once(lrs: Lrs) -> None:
    both = [attachment(TEXT), attachment(BINARY)]
    batch = [statement(attachments=both), statement(attachments=both[:1]), statement()]
    made = lrs.send_multipart(batch, file_part(TEXT), file_part(BINARY))
    assert made.json() == [s["id"] for s in batch]
    got, files = answered(lrs.get(attachments=True))
    assert len(got["statements"]) == 3
    assert sorted(f.content for f in files) == sorted([TEXT, BINARY])
    assert answered(lrs.get(attachments=True, limit=1))[1] == []


@pytest.mark.parametrize("wish", [None, "false"])
def test_without_asking_there_is_json_only(lrs: Lrs, wish: str | None) -> None:
    lrs.send_multipart(statement(attachments=[attachment(TEXT)]), file_part(TEXT))
    answer = lrs.ask("GET", params={"attachments": wish} if wish else {})
    assert answer.headers["Content-Type"].startswith("application/json")


def test_put_and_substatements_have_attachments_too(lrs: Lrs) -> None:
    sent = substatement(attachments=[attachment(TEXT)])
    params = {"statementId": sent["id"]}
    made = lrs.send_multipart(sent, file_part(TEXT), method="PUT", params=params)
    assert made.status_code == 204, made.text
    _, (file,) = answered(lrs.get(statementId=sent["id"], attachments=True))
    assert file.content == TEXT


@pytest.mark.parametrize("kind", ["sha224", "sha256", "sha384", "sha512"])
def test_every_sha_2_is_known_in_small_letters_and_capitals(lrs1: Lrs, kind: str) -> None:
    digest = hashlib.new(kind, TEXT).hexdigest()
    sent = statement(attachments=[attachment(TEXT, sha2=digest.upper())])
    assert lrs1.send_multipart(sent, file_part(TEXT, X_Experience_API_Hash=digest)).ok
    _, (file,) = answered(lrs1.get(statementId=sent["id"], attachments=True))
    assert file.content == TEXT


def test_multipart_without_attachments_and_with_addresses_only(lrs: Lrs) -> None:
    assert lrs.send_multipart(statement()).status_code == 200
    here = statement(attachments=[attachment(TEXT, fileUrl="https://files.example/x")])
    assert lrs.send_multipart(here).status_code == 200
    got, files = answered(lrs.get(statementId=here["id"], attachments=True))
    assert (got["attachments"], files) == (here["attachments"], [])


def test_another_tenant_s_file_is_not_to_be_had_by_its_digest(lrs1: Lrs, shared: Lrs) -> None:
    secret = b"only for us " + new_id().encode()
    lrs1.send_multipart(statement(attachments=[attachment(secret)]), file_part(secret))
    guess = statement(attachments=[attachment(secret, fileUrl="https://x.example")])
    assert shared.post(guess).status_code == 200
    _, files = answered(shared.get(statementId=guess["id"], attachments=True))
    assert files == []


ONE = [attachment(TEXT)]
WRONG: dict[str, bytes] = {
    "a part too much": multipart(
        statement(attachments=ONE), file_part(TEXT), file_part(b"nobody's")
    ),
    "a part too few": multipart(statement(attachments=[*ONE, attachment(b"b")]), file_part(TEXT)),
    "no hash": multipart(
        statement(attachments=ONE),
        part(TEXT, Content_Type="text/plain", Content_Transfer_Encoding="binary"),
    ),
    "another hash": multipart(
        statement(attachments=ONE), file_part(TEXT, X_Experience_API_Hash="b" * 64)
    ),
    "other bytes": multipart(
        statement(attachments=ONE), file_part(b"other", X_Experience_API_Hash=sha2(TEXT))
    ),
    "no binary": multipart(
        statement(attachments=ONE), file_part(TEXT, Content_Transfer_Encoding="base64")
    ),
    "statements last": file_part(TEXT) + multipart(statement(attachments=ONE)),
    "no end": multipart(statement(attachments=ONE), file_part(TEXT))[:-8],
    "nothing in it": f"--{BOUNDARY}--\r\n".encode(),
    "a part without headers": multipart(statement(attachments=ONE), part(TEXT)),
    "a broken header": multipart(
        statement(attachments=ONE), file_part(TEXT).replace(b"Content-Type:", b"Content-Type")
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_multipart_body_that_is_not_right_is_refused(lrs: Lrs, case: str) -> None:
    kind = f"multipart/mixed; boundary={BOUNDARY}"
    assert lrs.send(WRONG[case], kind).status_code == 400
    assert lrs.ids() == []


@pytest.mark.parametrize("kind", ["multipart/mixed", "multipart/mixed; boundary=other"])
def test_the_boundary_has_to_be_said(lrs: Lrs, kind: str) -> None:
    assert lrs.send(multipart(statement()), kind).status_code == 400


def test_the_boundary_may_be_quoted(lrs: Lrs) -> None:
    kind = f'multipart/mixed; charset=utf-8; boundary="{BOUNDARY}"'
    assert lrs.send(multipart(statement()), kind).status_code == 200


def test_a_content_type_cannot_write_into_the_answer(lrs1: Lrs) -> None:
    evil = "text/plain\r\nX-Evil: 1\r\n\r\n\0body"
    sent = statement(attachments=[attachment(TEXT, contentType=evil)])
    assert lrs1.send_multipart(sent, file_part(TEXT)).status_code == 200
    _, (file,) = answered(lrs1.get(statementId=sent["id"], attachments=True))
    assert set(file.headers) == {
        "content-type",
        "content-transfer-encoding",
        "x-experience-api-hash",
    }


def test_a_page_with_large_files_ends_before_memory_does(lrs1: Lrs) -> None:
    files = [bytes([n]) * (6 << 20) for n in range(4)]
    sent = [statement(attachments=[attachment(file)]) for file in files]
    for said, file in zip(sent, files, strict=True):
        assert lrs1.send_multipart(said, file_part(file)).status_code == 200
    got, first = answered(lrs1.get(attachments=True, ascending=True))
    assert len(first) == len(got["statements"]) == 2
    page, rest = answered(lrs1.ask("GET", got["more"].removeprefix("/xapi/")))
    assert [f.content for f in (*first, *rest)] == files
    assert page["more"] == ""


# --- signed ---------------------------------------------------------------------------------------

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DIGESTS = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signed(said: Any, alg: str = "RS256", key: Any = KEY, **header: Any) -> bytes:
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    head = encoded(json.dumps({"alg": alg} | header).encode()) + b"." + encoded(payload)
    seal = key.sign(head, padding.PKCS1v15(), DIGESTS.get(alg, hashes.SHA256()))
    return head + b"." + encoded(seal)


def certificate(key: Any = KEY) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(built.public_bytes(serialization.Encoding.DER)).decode()


def with_signature(said: dict[str, Any], signature: bytes, **more: Any) -> dict[str, Any]:
    file = attachment(
        signature,
        usageType="http://adlnet.gov/expapi/attachments/signature",
        contentType="application/octet-stream",
    )
    return said | {"attachments": [file | more]}


def send_signed(lrs: Lrs, said: dict[str, Any], signature: bytes, **more: Any) -> int:
    body = with_signature(said, signature, **more)
    part = file_part(signature, Content_Type="application/octet-stream")
    return lrs.send_multipart(body, part).status_code


@pytest.mark.parametrize("alg", DIGESTS)
def test_a_signed_statement_is_taken_and_its_signature_kept(lrs: Lrs, alg: str) -> None:
    said = statement()
    signature = signed(said, alg)
    assert send_signed(lrs, said, signature) == 200
    _, (file,) = answered(lrs.get(statementId=said["id"], attachments=True))
    assert file.content == signature


def test_the_certificate_is_looked_at(lrs1: Lrs) -> None:
    said = statement()
    assert send_signed(lrs1, said, signed(said, x5c=[certificate()])) == 200
    for header in (
        {"x5c": [certificate(OTHER_KEY)]},
        {"x5c": ["no certificate"]},
        {"x5c": "x"},
        {"x5c": [5]},
    ):
        other = statement()
        assert send_signed(lrs1, other, signed(other, **header)) == 400, header


def test_what_is_signed_may_be_written_differently(lrs1: Lrs) -> None:
    said = statement(timestamp="2026-11-02T08:00:00Z", result={"duration": "P1DT12H36M0.1237S"})
    same = said | {
        "timestamp": "2026-11-02T09:00:00+01:00",
        "result": {"duration": "P1DT12H36M0.12S"},
    }
    assert send_signed(lrs1, said, signed(same)) == 200


BAD_SIGNATURES: dict[str, Any] = {
    "no token": b"no token",
    "two parts": b"e30.e30",
    "no base64": b"!.!.!",
    "header is no object": b"W10.e30.x",
    "payload is no JSON": lambda said: signed(b"{'"),
    "payload is no statement": lambda said: signed({"a": 1}),
    "payload is another statement": lambda said: signed(said | {"id": new_id()}),
    "payload says something else": lambda said: signed(said | {"result": {"success": True}}),
    "another algorithm": lambda said: signed(said, "HS256"),
    "no algorithm": lambda said: signed(said, "none"),
}


@pytest.mark.parametrize("case", BAD_SIGNATURES)
def test_a_bad_signature_is_refused(lrs: Lrs, case: str) -> None:
    said = statement()
    made = BAD_SIGNATURES[case]
    assert send_signed(lrs, said, made(said) if callable(made) else made) == 400
    assert lrs.ids() == []


def test_a_signature_has_one_content_type_and_has_to_be_there(lrs: Lrs) -> None:
    said = statement()
    signature = signed(said)
    assert send_signed(lrs, said, signature, contentType="text/plain") == 400
    away = with_signature(said, signature, fileUrl="https://files.example/s")
    assert lrs.post(away).status_code == 400
