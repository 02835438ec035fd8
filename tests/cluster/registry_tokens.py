"""A token service: knows accounts and what each may do, and signs what the registry believes."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import pathlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import server as http_server
from urllib import parse

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.cluster import registry_server as servers

SERVICE, ISSUER = "registry.test", "issuer.test"


@dataclass(slots=True)
class Account:
    """Who may do what: actions by the repository's prefix."""

    password: str
    rights: dict[str, set[str]]
    identity_token: str = ""


@dataclass(slots=True)
class Service:
    """A service that runs on loopback."""

    address: str
    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate = field(repr=False)
    folder: pathlib.Path
    accounts: dict[str, Account] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    """The scopes of each request."""
    methods: list[str] = field(default_factory=list)
    stale: int = 0
    """So many tokens are given out that have expired."""
    most_scopes: int = 9
    """So many scopes are heeded; the others are left out in silence."""
    send_to: str = ""
    """Where every request is sent on to."""

    @property
    def url(self) -> str:
        """Return the realm."""
        return f"http://{self.address}/token"

    def wanted(self) -> servers.Wanted:
        """Return a registry that believes this service."""
        pem = self.folder / "issuer.pem"
        pem.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return servers.Wanted(tokens=servers.TokenService(self.url, SERVICE, ISSUER, pem))

    def token(self, account: Account | None, scopes: list[str]) -> str:
        """Return a token for what an account may of the scopes; None is anybody."""
        rights = account.rights if account else self.accounts["*"].rights
        access = []
        for scope in scopes[: self.most_scopes]:
            kind, name, actions = scope.split(":")
            allowed = set().union(
                *(each for prefix, each in rights.items() if name.startswith(prefix))
            )
            granted = sorted(set(actions.split(",")) & allowed)
            access.append({"type": kind, "name": name, "actions": granted})
        now = time.time()
        if self.stale:
            self.stale -= 1
            now -= 3600
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": "someone",
            "iat": int(now),
            "nbf": int(now) - 5,
            "exp": int(now) + 300,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        chain = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER))
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"x5c": [chain.decode()]})


@contextlib.contextmanager
def started(folder: pathlib.Path) -> Iterator[Service]:
    """Run a token service until the body ends; nobody may do anything yet."""
    folder.mkdir(parents=True, exist_ok=True)
    key, certificate = _signer()
    service = Service("", key, certificate, folder, {"*": Account("", {})})
    handler = type("Handler", (_Handler,), {"service": service})
    with http_server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        service.address = f"127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), name="tokens")
        thread.start()
        try:
            yield service
        finally:
            running.shutdown()
            thread.join()


class _Handler(http_server.BaseHTTPRequestHandler):
    service: Service

    def do_GET(self) -> None:
        """Answer the token request of the registry's specification."""
        query = parse.parse_qs(parse.urlsplit(self.path).query)
        given = self.headers.get("Authorization", "")
        account = self.service.accounts["*"]
        if given:
            user, _, password = base64.b64decode(given.partition(" ")[2]).decode().partition(":")
            found = self.service.accounts.get(user)
            if found is None or found.password != password:
                self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": given}]})
                return
            account = found
        self._grant(account, query.get("scope", []))

    def do_POST(self) -> None:
        """Answer the OAuth2 request: only by an identity token."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = parse.parse_qs(body)
        shown = form.get("refresh_token", [""])[0]
        for each in self.service.accounts.values():
            if shown and each.identity_token == shown:
                self._grant(each, form.get("scope", [""])[0].split())
                return
        self._answer(401, {"error": f"invalid_grant {shown}"})

    def _grant(self, account: Account, scopes: list[str]) -> None:
        self.service.asked.append(scopes)
        self.service.methods.append(self.command)
        if self.service.send_to:
            self.send_response(307)
            self.send_header("Location", self.service.send_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        name = "token" if self.command == "GET" else "access_token"
        self._answer(200, {name: self.service.token(account, scopes)})

    def _answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _signer() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=2))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate
