"""Which provider is chosen, when it is remembered, and what it says about its end."""

import pathlib
import tempfile
from collections.abc import Callable, Iterator

import pytest
import typer.testing

from hack.cluster import cli, console, documents, errors, settings
from hack.cluster.host import provider as host
from hack.cluster.providers import base, choice, existing, kind
from tests.unit.hack import cluster_fakes


class Stub:
    """A provider that only tells whether it can run."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        self.name = name
        self._reason = reason

    def unavailable(self) -> str | None:
        return self._reason


def choose(
    asked: str | None, *stubs: Stub, recorded: str | None = None, note: Callable[[str], None]
) -> str:
    available = {stub.name: stub for stub in stubs}
    chosen = choice.choose(asked, recorded=recorded, available=available, note=note)  # type: ignore[arg-type]
    return chosen.name


def test_kind_is_chosen_where_it_can_run() -> None:
    stubs = (Stub("kind"), Stub("host"), Stub("existing"))
    assert choose(None, *stubs, note=pytest.fail) == "kind"


def test_host_is_chosen_where_kind_cannot_run_and_the_reason_is_said() -> None:
    said: list[str] = []
    stubs = (Stub("kind", "no docker"), Stub("host"), Stub("existing"))
    assert choose(None, *stubs, note=said.append) == "host"
    assert said == ["not the provider kind: no docker"]


def test_an_existing_context_is_never_chosen_by_itself() -> None:
    stubs = (Stub("kind", "no docker"), Stub("host", "no root"), Stub("existing"))
    with pytest.raises(errors.Unavailable, match=r"no docker\n.*no root"):
        choose(None, *stubs, note=pytest.fail)


def test_a_cluster_that_is_up_keeps_its_provider() -> None:
    stubs = (Stub("kind"), Stub("host"))
    assert choose(None, *stubs, recorded="host", note=pytest.fail) == "host"
    with pytest.raises(errors.Conflict, match="take it down before"):
        choose("kind", *stubs, recorded="host", note=pytest.fail)


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(errors.ClusterError, match="there are kind, host"):
        choose("minikube", Stub("kind"), Stub("host"), note=pytest.fail)


def test_the_record_of_the_provider_is_read_back(cluster: settings.Settings) -> None:
    assert choice.recorded(cluster) is None
    choice.record(cluster, kind.Kind(cluster, run=cluster_fakes.Commands()))
    assert choice.recorded(cluster) == "kind"


def test_a_provider_that_can_begin_is_remembered_even_if_it_breaks_on_its_way(
    cluster: settings.Settings, shown: console.Console
) -> None:
    broken = cluster_fakes.Commands({"kind create": errors.CommandFailed("no space left")})
    with pytest.raises(errors.CommandFailed):
        cli.begin(kind.Kind(cluster, run=broken), base.Options(), cluster=cluster, shown=shown)
    assert choice.recorded(cluster) == "kind"


@pytest.mark.parametrize(
    "options",
    [
        base.Options(),
        base.Options(context="staging", kwok=1),
        base.Options(context="staging", devices=True),
        base.Options(context="nowhere"),
        base.Options(context="staging", registry="registry.example.com"),
    ],
    ids=[
        *("no context", "fake nodes", "fake devices"),
        *("an unknown context", "a registry that is no URL"),
    ],
)
def test_an_existing_cluster_that_cannot_be_used_binds_no_later_call(
    cluster: settings.Settings, shown: console.Console, options: base.Options
) -> None:
    unknown = {"kubectl version --context=nowhere": errors.CommandFailed("no such context")}
    made = existing.Existing(cluster, run=cluster_fakes.Commands(unknown))
    with pytest.raises(errors.ClusterError):
        cli.begin(made, options, cluster=cluster, shown=shown)
    assert choice.recorded(cluster) is None
    assert list(cluster.state.iterdir()) == []


@pytest.mark.parametrize("name", ["kind", "host"])
@pytest.mark.parametrize("option", ["context", "registry", "prometheus"])
def test_what_only_an_existing_cluster_has_is_refused_elsewhere(
    cluster: settings.Settings, name: str, option: str
) -> None:
    made = kind.Kind(cluster) if name == "kind" else host.Host(cluster)
    with pytest.raises(errors.ClusterError, match="--provider existing"):
        made.check(base.Options(**{option: "http://here.example"}))


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """Return where clusters are kept: a short path, for the sockets that could be below it."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TRAINSHED_STATE", folder)
        yield pathlib.Path(folder)


def said(*argv: str) -> str:
    """Return what a command writes to a person."""
    result = typer.testing.CliRunner().invoke(cli.app, argv)
    assert result.exception is None, result.exception
    return result.output


def test_down_says_that_nothing_is_there(home: pathlib.Path) -> None:
    assert "there is no cluster trainshed" in said("down")


def test_down_of_an_existing_cluster_does_not_say_that_nothing_is_left(home: pathlib.Path) -> None:
    state = home / "trainshed"
    documents.write(state / "cluster.json", '{"provider": "existing"}')
    documents.write(state / "existing.json", '{"context": "staging"}')
    text = said("down")
    assert "left: the cluster of the context staging" in text
    assert "nothing" not in text
