import os
import socket
from collections.abc import Iterator

import pytest

from hack.cluster import errors, ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def wanted(port: int, *, fixed: bool = False, component: str = "etcd") -> ports.Wanted:
    return ports.Wanted(component, "127.0.0.1", port, fixed=fixed)


def nothing_runs(component: str) -> bool:
    return False


def test_a_port_in_use_is_not_bindable_and_its_holder_is_named(taken: int) -> None:
    assert not ports.bindable("127.0.0.1", port=taken)
    assert ports.holder(taken).endswith(f"(pid {os.getpid()})")


def test_a_port_that_nobody_holds_is_bindable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert ports.bindable("127.0.0.1", port=free, udp=True)
    assert ports.holder(free) == "another process"


def test_a_port_that_may_vary_moves_and_says_so(taken: int) -> None:
    said: list[str] = []
    chosen = ports.assign(
        {"etcd": wanted(taken)}, recorded={}, running=nothing_runs, note=said.append
    )
    assert chosen["etcd"] > taken
    assert said[0].startswith(f"port {taken} is in use by ")
    assert said[0].endswith(f"etcd takes {chosen['etcd']}")


def test_a_fixed_port_in_use_is_an_error_that_names_the_process(taken: int) -> None:
    with pytest.raises(errors.Conflict, match=rf"127\.0\.0\.1:{taken}, which .*{os.getpid()}"):
        ports.assign(
            {"registry": wanted(taken, fixed=True)},
            recorded={},
            running=nothing_runs,
            note=pytest.fail,
        )


def test_what_runs_keeps_its_recorded_port(taken: int) -> None:
    chosen = ports.assign(
        {"etcd": wanted(1)}, recorded={"etcd": taken}, running=lambda _: True, note=pytest.fail
    )
    assert chosen == {"etcd": taken}


def test_two_components_never_get_one_port(taken: int) -> None:
    chosen = ports.assign(
        {"a": wanted(taken, component="a"), "b": wanted(taken, component="b")},
        recorded={},
        running=nothing_runs,
        note=lambda _: None,
    )
    assert len(set(chosen.values())) == 2
