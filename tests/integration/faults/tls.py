"""An https server on loopback with whatever certificate a test wants to see refused."""

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BODY = b'{"keys": []}'


@dataclass(frozen=True)
class Authority:
    """A municipality's own certificate authority; `bundle` is what its clients believe."""

    folder: Path

    @property
    def bundle(self) -> Path:
        return self.folder / "authority.pem"

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        object.__setattr__(self, "_key", key)
        name = _named("Zertifikatsstelle Musterstadt")
        object.__setattr__(self, "_name", name)
        ca = x509.BasicConstraints(ca=True, path_length=None)
        signed = _builder(name, name, key.public_key(), days=30).add_extension(ca, critical=True)
        self.bundle.write_bytes(_pem(signed.sign(key, hashes.SHA256())))

    def issue(self, host: str, days: int) -> Path:
        """Return a file with a key and a certificate for `host` that ends in `days` days."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([_general(host)])
        builder = _builder(_named(host), self._name, key.public_key(), days=days)  # type: ignore[attr-defined]
        certificate = builder.add_extension(alternative, critical=False).sign(
            self._key,  # type: ignore[attr-defined]
            hashes.SHA256(),
        )
        file = self.folder / f"{host}{days}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(private + _pem(certificate))
        return file


@contextmanager
def served(certificate: Path) -> Iterator[str]:
    """Yield the origin of a server with this certificate."""
    server = _Quiet(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses the certificate hangs up: that is what is tested."""


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=90))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _named(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
