import concurrent.futures
import http.server
import pathlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from hack.images import catalogue, errors, places, pushing
from tests.unit.hack import images_fakes

REGISTRY = pushing.Registry("registry.example:5000", plain_http=True)
(OPERATOR,) = catalogue.select(["operator"])


class Push:
    """Pushes the operator's image to a registry that has the digest `there`."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.engine = images_fakes.Engine()
        self.there: str | None = None
        self._folder = folder

    def __call__(self, tag: str = "dev") -> pushing.Pushed:
        pusher = pushing.Pusher(self.engine, self._folder / "pushed", lambda image, tag: self.there)
        log = self._folder / "log"
        pushed = pusher.push(OPERATOR, REGISTRY, tag=tag, log=log, on_line=lambda line: None)
        self.there = pushed.digest
        return pushed


@pytest.fixture
def push(tmp_path: pathlib.Path) -> Push:
    return Push(tmp_path)


def test_what_the_registry_has_is_not_pushed_again(push: Push) -> None:
    push.engine.add(OPERATOR.local)
    assert [push().sent, push().sent] == [True, False]
    assert push.engine.pushed == ["registry.example:5000/trainshed/operator:dev"]


def test_a_second_tag_does_not_send_the_first_again(push: Push) -> None:
    push.engine.add(OPERATOR.local)
    assert [push(each).sent for each in ("dev", "1.2", "dev", "1.2")] == [True, True, False, False]
    assert push.engine.pushed[1] == "registry.example:5000/trainshed/operator:1.2"


def test_a_new_image_is_pushed(push: Push) -> None:
    push.engine.add(OPERATOR.local)
    first = push()
    push.engine.add(OPERATOR.local)
    second = push()
    assert second.sent
    assert second.digest != first.digest


@pytest.mark.parametrize("there", [None, "sha256:another"], ids=["emptied", "overwritten"])
def test_a_registry_that_lost_the_image_gets_it_again(push: Push, there: str | None) -> None:
    push.engine.add(OPERATOR.local)
    push()
    push.there = there
    assert push().sent


def test_an_image_that_was_not_built_is_named(push: Push) -> None:
    with pytest.raises(errors.Unavailable, match=r"hack\.images build operator"):
        push()


class Manifests(http.server.BaseHTTPRequestHandler):
    """Has one tag of one repository."""

    def do_HEAD(self) -> None:
        found = self.path == "/v2/trainshed/operator/manifests/dev"
        self.send_response(200 if found else 404)
        if found:
            self.send_header("Docker-Content-Digest", "sha256:there")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Manifests) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_registry_is_asked_for_the_tags_digest(address: str) -> None:
    registry = pushing.Registry(address, plain_http=True)
    assert registry.digest(OPERATOR, "dev") == "sha256:there"
    assert registry.digest(OPERATOR, "1.2") is None
    assert registry.digest(catalogue.BASE, "dev") is None


def test_a_registry_that_is_down_is_named_with_the_way_out(address: str) -> None:
    registry = pushing.Registry("127.0.0.1:1", plain_http=True)
    with pytest.raises(errors.Unavailable, match=r"127\.0\.0\.1:1 does not answer.*hack\.cluster"):
        registry.digest(OPERATOR, "dev")


def test_a_registry_that_does_not_speak_http_is_named_with_the_way_out() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        pool.submit(_babble, server)
        registry = pushing.Registry(f"127.0.0.1:{server.getsockname()[1]}", plain_http=True)
        with pytest.raises(errors.Unavailable, match="does not answer"):
            registry.digest(OPERATOR, "dev")


def _babble(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"SSH-2.0-OpenSSH\r\n")


ADDRESSES = {
    "a URL with TLS": ("https://registry.example.com", "registry.example.com", False),
    "a URL with a port": ("https://registry.example.com:5000/", "registry.example.com:5000", False),
    "a URL without TLS": ("http://10.244.0.1:5000", "10.244.0.1:5000", True),
    "a host has TLS": ("registry.example.com", "registry.example.com", False),
    "an IPv6 address": ("[::1]:5000", "[::1]:5000", False),
}


@pytest.mark.parametrize(("given", "address", "plain"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_a_registry_is_told_by_url_or_by_host(given: str, address: str, plain: bool) -> None:
    assert pushing.registry(given) == pushing.Registry(address, plain_http=plain)


UNUSABLE = {
    "nothing": "",
    "a repository": "registry.example.com/team",
    "another scheme": "ftp://registry.example.com",
    "a port that is a word": "registry.example.com:tls",
    "a port that is too large": "registry.example.com:65536",
    "credentials": "https://ann:secret@registry.example.com",
    "two schemes": "https://https://registry.example.com",
    "a space": "registry example",
    "a line": "registry.example.com\n",
}


@pytest.mark.parametrize("given", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_address_that_cannot_be_used_is_refused_in_a_sentence(given: str) -> None:
    with pytest.raises(errors.Refused, match=r"no registry's address: give HOST") as caught:
        pushing.registry(given)
    assert "secret" not in str(caught.value)


def test_plain_http_and_https_exclude_each_other() -> None:
    with pytest.raises(errors.Refused, match="leave out --plain-http"):
        pushing.registry("https://registry.example.com", plain_http=True)


def test_the_command_says_so_in_one_line() -> None:
    command = [sys.executable, "-m", "hack.images", "push", "--registry", "https://a b"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=places.ROOT)
    assert done.returncode == 1
    assert "no registry's address" in done.stderr
    assert "Traceback" not in done.stderr
