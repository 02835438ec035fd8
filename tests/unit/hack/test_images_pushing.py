import http.server
import pathlib
import threading
from collections.abc import Iterator

import pytest

from hack.images import catalogue, errors, pushing
from tests.unit.hack import images_fakes

REGISTRY = pushing.Registry("registry.example:5000", plain_http=True)
(OPERATOR,) = catalogue.select(["operator"])


class Push:
    """Pushes the operator's image to a registry that has the digest `there`."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.engine = images_fakes.Engine()
        self.there: str | None = None
        self._folder = folder

    def __call__(self) -> pushing.Pushed:
        pusher = pushing.Pusher(self.engine, self._folder / "pushed", lambda image: self.there)
        log = self._folder / "log"
        pushed = pusher.push(OPERATOR, REGISTRY, log=log, on_line=lambda line: None)
        self.there = pushed.digest
        return pushed


@pytest.fixture
def push(tmp_path: pathlib.Path) -> Push:
    return Push(tmp_path)


def test_what_the_registry_has_is_not_pushed_again(push: Push) -> None:
    push.engine.add(OPERATOR.local)
    assert [push().sent, push().sent] == [True, False]
    assert push.engine.pushed == ["registry.example:5000/trainshed/operator:dev"]


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
    assert registry.digest(OPERATOR) == "sha256:there"
    assert registry.digest(catalogue.BASE) is None


def test_a_registry_that_is_down_is_named_with_the_way_out(address: str) -> None:
    registry = pushing.Registry("127.0.0.1:1", plain_http=True)
    with pytest.raises(errors.Unavailable, match=r"127\.0\.0\.1:1 does not answer.*hack\.cluster"):
        registry.digest(OPERATOR)
