from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import pathlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trainshed_trainer import context, pushing

x509 = pytest.importorskip("cryptography.x509", reason="only the host's tests have cryptography")

PATH = "/v1/namespaces/team/trainingjobs/digits/progress"


class Operator:
    """An HTTPS server that notes what it is sent and answers as it is told."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.heard = threading.Condition()
        self.answer = 200
        self.location = ""
        self.folder = folder
        (folder / "token").write_text("first\n")
        operator = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with operator.heard:
                    token = self.headers["Authorization"]
                    operator.asked.append((self.path, token, json.loads(body)))
                    operator.heard.notify_all()
                self.send_response(operator.answer)
                if operator.location:
                    self.send_header("Location", operator.location)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(folder / "tls.pem")
        self.server.socket = trust.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def known(self, **changed: Any) -> context.Context:
        given: dict[str, Any] = {
            "job": "digits",
            "namespace": "team",
            "attempt": 2,
            "progress_url": f"https://127.0.0.1:{self.server.server_port}{PATH}",
            "ca_file": str(self.folder / "ca.pem"),
            "token_file": str(self.folder / "token"),
        }
        return context.Context(**given | changed)

    def wait_for(self, found: Callable[[], bool]) -> None:
        with self.heard:
            assert self.heard.wait_for(found, timeout=10)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def certify(folder: pathlib.Path) -> None:
    """Write a certificate authority, and a certificate by it for 127.0.0.1."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.UTC)

    def named(name: str) -> Any:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    def signed(subject: str, key: Any, by: Any, *extensions: Any) -> Any:
        builder = x509.CertificateBuilder(
            issuer_name=named("authority"),
            subject_name=named(subject),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(hours=1),
            not_valid_after=now + datetime.timedelta(hours=1),
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(by, hashes.SHA256())

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    root = signed(
        "authority",
        authority,
        authority,
        (x509.BasicConstraints(True, None), True),
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), False),
    )
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    leaf = signed(
        "operator",
        key,
        authority,
        (x509.SubjectAlternativeName([address]), False),
        (identifier, False),
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.pem").write_bytes(secret + leaf.public_bytes(pem))


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("certificates")
    certify(folder)
    return folder


@pytest.fixture
def operator(certified: pathlib.Path) -> Iterator[Operator]:
    started = Operator(certified)
    yield started
    started.close()


def test_a_push_has_token_attempt_and_a_sequence_that_grows(operator: Operator) -> None:
    known = operator.known()

    assert pushing.send(known, {"step": 1})
    (operator.folder / "token").write_text("second\n")
    assert pushing.send(known, {"step": 2})

    (path, token, first), (_, later, second) = operator.asked
    assert path == PATH
    assert (token, later) == ("Bearer first", "Bearer second")
    assert (first["attempt"], first["step"], second["step"]) == (2, 1, 2)
    assert second["sequence"] > first["sequence"]


def test_what_json_cannot_hold_is_sent_as_null(operator: Operator) -> None:
    assert pushing.send(operator.known(), {"loss": float("nan"), "metrics": {"a": float("inf")}})

    ((_, _, body),) = operator.asked
    assert (body["loss"], body["metrics"]) == (None, {"a": None})


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500, 503])
def test_a_refused_push_is_told_and_never_raises(operator: Operator, status: int) -> None:
    operator.answer = status

    assert not pushing.send(operator.known(), {})


def test_a_redirect_does_not_take_the_token_elsewhere(operator: Operator) -> None:
    operator.answer = 302
    operator.location = f"https://127.0.0.1:{operator.server.server_port}/elsewhere"

    assert not pushing.send(operator.known(), {})
    assert [path for path, _, _ in operator.asked] == [PATH]


def test_an_operator_of_another_authority_gets_no_token(
    operator: Operator, tmp_path: pathlib.Path
) -> None:
    certify(tmp_path)

    assert not pushing.send(operator.known(ca_file=str(tmp_path / "ca.pem")), {})
    assert operator.asked == []


@pytest.mark.parametrize(
    "changed",
    [
        {"ca_file": "/no/such/file"},
        {"token_file": "/no/such/file"},
        {"progress_url": "https://127.0.0.1:1/progress"},
        {"progress_url": "https://no-such-host.invalid/progress"},
        {"progress_url": "http://127.0.0.1:1/progress"},
        {"progress_url": "https://127.0.0.1:port/progress"},
        {"progress_url": "https://["},
        {"progress_url": "nonsense"},
        {"progress_url": ""},
    ],
    ids=lambda changed: " ".join(f"{name}={value}" for name, value in changed.items()),
)
def test_whatever_is_wrong_a_push_only_fails(operator: Operator, changed: dict[str, str]) -> None:
    assert not pushing.send(operator.known(**changed), {}, timeout=1)


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 two\r\n\r\n"])
def test_an_answer_that_is_no_http_only_fails(certified: pathlib.Path, answer: bytes) -> None:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certified / "tls.pem")
    (certified / "token").write_text("token")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            taken, _ = listener.accept()
            with trust.wrap_socket(taken, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        known = context.Context(
            job="digits",
            progress_url=f"https://127.0.0.1:{listener.getsockname()[1]}/",
            ca_file=str(certified / "ca.pem"),
            token_file=str(certified / "token"),
        )

        assert not pushing.send(known, {}, timeout=5)
        thread.join()


def test_an_operator_that_is_silent_is_given_up(certified: pathlib.Path) -> None:
    (certified / "token").write_text("token")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        known = context.Context(
            job="digits",
            progress_url=f"https://127.0.0.1:{listener.getsockname()[1]}/",
            ca_file=str(certified / "ca.pem"),
            token_file=str(certified / "token"),
        )

        assert not pushing.send(known, {}, timeout=0.1)


def test_a_run_pushes_at_its_first_step(operator: Operator) -> None:
    from trainshed_trainer import Run

    with Run(known=operator.known(), total_steps=2) as run:
        for number in run.steps(range(2), samples=8):
            if number == 1:
                operator.wait_for(lambda: bool(operator.asked))

    _, _, body = operator.asked[0]
    assert (body["step"], body["totalSteps"], body["samples"]) == (1, 2, 8)
    assert body["firstStepTime"] >= body["startTime"]
    assert body["firstStepSeconds"] == body["trainingSeconds"]
    assert body.get("account") is None


def test_an_operator_that_refuses_does_not_disturb_the_run(operator: Operator) -> None:
    from trainshed_trainer import Run

    operator.answer = 503
    with Run(known=operator.known()) as run:
        for number in run.steps(range(3), samples=1):
            if number == 1:
                operator.wait_for(lambda: bool(operator.asked))

    assert run.counts.steps == 3
