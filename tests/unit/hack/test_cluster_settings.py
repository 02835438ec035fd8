import pathlib

import pytest

from hack.cluster import errors, settings


def test_state_and_cache_follow_the_environment() -> None:
    cluster = settings.load("probe", {"TRAINSHED_STATE": "/var/s", "TRAINSHED_CACHE": "/var/c"})
    assert cluster.state == pathlib.Path("/var/s/probe")
    assert cluster.cache == pathlib.Path("/var/c")


def test_state_and_cache_lie_in_the_home_by_default() -> None:
    cluster = settings.load("trainshed", {"HOME": "/home/ann"})
    assert cluster.state == pathlib.Path("/home/ann/.local/state/trainshed/trainshed")
    assert cluster.cache == pathlib.Path("/home/ann/.cache/trainshed")


def test_xdg_folders_come_before_the_home() -> None:
    found = {"HOME": "/home/ann", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c"}
    cluster = settings.load("probe", found)
    assert (cluster.state, cluster.cache) == (
        pathlib.Path("/s/trainshed/probe"),
        pathlib.Path("/c/trainshed"),
    )


@pytest.mark.parametrize("name", ["", "Up", "1st", "a/b", "..", "a-name-too-long-for-a-link"])
def test_a_name_that_no_link_can_have_is_refused(name: str) -> None:
    with pytest.raises(errors.ClusterError, match="cannot be a cluster's name"):
        settings.load(name, {"HOME": "/root"})


def test_the_longest_name_makes_a_link_name_that_the_kernel_takes() -> None:
    cluster = settings.load("a" * 13, {"HOME": "/root"})
    assert len(cluster.bridge) <= 15


def test_a_folder_too_deep_for_a_socket_is_refused_with_a_way_out() -> None:
    with pytest.raises(errors.ClusterError, match="set TRAINSHED_STATE"):
        settings.load("probe", {"TRAINSHED_STATE": "/" + "d" * 90})
