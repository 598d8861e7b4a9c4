"""A store as its tests talk to it, and the parts statements are made of."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

import requests

from tests.integration.xapi.site import Site

Json = Any

AGENT = {"objectType": "Agent", "mbox": "mailto:anna@stadt.example"}
ACTIVITY = {"objectType": "Activity", "id": "https://lms.example/course/1"}
VERB = {"id": "http://adlnet.gov/expapi/verbs/attended", "display": {"de": "besuchte"}}
VOIDED = {"id": "http://adlnet.gov/expapi/verbs/voided"}
GROUP = {"objectType": "Group", "member": [AGENT]}
BOUNDARY = "-------314159265358979323846"


def new_id() -> str:
    return str(uuid.uuid4())


def statement(**more: Json) -> dict[str, Json]:
    return {"id": new_id(), "actor": AGENT, "verb": VERB, "object": ACTIVITY} | more


def reference(statement_id: str) -> dict[str, Json]:
    return {"objectType": "StatementRef", "id": statement_id}


def substatement(**more: Json) -> dict[str, Json]:
    inner = {"objectType": "SubStatement", "actor": AGENT, "verb": VERB, "object": ACTIVITY}
    return statement(object=inner | more)


def voiding(statement_id: str) -> dict[str, Json]:
    return statement(verb=VOIDED, object=reference(statement_id))


def person(name: str = "") -> dict[str, Json]:
    return {"mbox": f"mailto:{name or new_id()}@stadt.example"}


def activity(name: str = "") -> dict[str, Json]:
    return {"id": f"https://lms.example/activity/{name or new_id()}"}


def sha2(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def attachment(content: bytes, **more: Json) -> dict[str, Json]:
    return {
        "usageType": "http://example.com/attachment-usage/test",
        "display": {"de": "Ein Anhang"},
        "contentType": "text/plain",
        "length": len(content),
        "sha2": sha2(content),
    } | more


def part(content: bytes, **headers: str) -> bytes:
    """Return a part of a multipart body; headers by name with _ for -."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(["", f"--{BOUNDARY}", *lines, "", ""]).encode() + content


def file_part(content: bytes, **headers: str) -> bytes:
    given = {
        "Content_Type": "text/plain",
        "Content_Transfer_Encoding": "binary",
        "X_Experience_API_Hash": sha2(content),
    }
    return part(content, **(given | headers))


def multipart(said: Json, *parts: bytes) -> bytes:
    first = part(json.dumps(said).encode(), Content_Type="application/json")
    return b"".join([first, *parts]) + f"\r\n--{BOUNDARY}--\r\n".encode()


@dataclass
class Lrs:
    site: Site
    version: str

    def ask(self, method: str, path: str = "statements", **options: Any) -> requests.Response:
        headers = {"X-Experience-API-Version": self.version} | options.pop("headers", {})
        sent = {name: value for name, value in headers.items() if value is not None}
        options.setdefault("auth", (self.site.key, self.site.secret))
        return requests.request(
            method, f"{self.site.endpoint}/{path}", headers=sent, timeout=20, **options
        )

    def get(self, path: str = "statements", **params: Any) -> requests.Response:
        given = {k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()}
        return self.ask("GET", path, params=given)

    def post(self, *statements: Json, **options: Any) -> requests.Response:
        return self.ask("POST", json=list(statements), **options)

    def send(self, raw: bytes, content_type: str, method: str = "POST", **more: Any) -> Any:
        headers = {"Content-Type": content_type} | more.pop("headers", {})
        return self.ask(method, data=raw, headers=headers, **more)

    def send_multipart(self, said: Json, *parts: bytes, **more: Any) -> requests.Response:
        content_type = f"multipart/mixed; boundary={BOUNDARY}"
        answer: requests.Response = self.send(multipart(said, *parts), content_type, **more)
        return answer

    def one(self, statement_id: str, **params: Any) -> dict[str, Json]:
        answer = self.get(statementId=statement_id, **params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Json] = answer.json()
        return found

    def ids(self, **params: Any) -> list[str]:
        answer = self.get(**params)
        assert answer.status_code == 200, answer.text
        return [s["id"] for s in answer.json()["statements"]]
