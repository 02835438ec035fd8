"""The demo's verdict, its job's length, and what it installs."""

import json
import math
import pathlib
import re
from typing import Any

import httpx
import pytest
import yaml

from hack import apiserver
from hack.cluster import errors, installed
from hack.demo import __main__ as demo
from hack.demo import install, lengths, throughput, verdict
from tests.unit.hack import cluster_fakes

APPLIED = 1_700_000_000.0
STATUS: dict[str, Any] = {
    "phase": "Succeeded",
    "timeline": {"since": "2023-11-14T22:13:21Z", "toFirstStep": 2.25},
    "result": {"samplesPerSecond": 6459.46, "seconds": 24.0, "accuracy": 0.98, "epochs": 110},
}
SCRAPED = throughput.Scraped(samples_per_second=6500.0, interval=1.0)
LAST = re.compile(
    r"demo: \w+, \d+\.\d samples/s in status, \d+\.\d samples/s in Prometheus, "
    r"apply to first step (?:\d+\.\d|nan) s"
)


def status(**result: float) -> dict[str, Any]:
    """Return a job's status with some of its result changed."""
    return {**STATUS, "result": {**STATUS["result"], **result}}


def test_a_job_that_shows_all_of_it_gives_one_line() -> None:
    found = verdict.judge(STATUS, SCRAPED, applied=APPLIED)
    assert found.held
    assert found.lines == (
        "demo: Succeeded, 6459.5 samples/s in status, 6500.0 samples/s in Prometheus, "
        "apply to first step 3.2 s",
    )


FAILED = {**STATUS, "phase": "Failed", "failure": {"reason": "OutOfMemory"}}
FALLS_SHORT: dict[str, tuple[dict[str, Any], throughput.Scraped | None, str]] = {
    "the job failed": (FAILED, SCRAPED, '{"reason": "OutOfMemory"}'),
    "it failed before it trained": (
        {"phase": "Failed", "failure": {"reason": "BuildFailed"}},
        None,
        "BuildFailed",
    ),
    "no scrape": (STATUS, None, "Prometheus has no scrape of the job"),
    "no figure in status": (status(samplesPerSecond=0.0), SCRAPED, "differ by more than 5%"),
    "no result": ({**STATUS, "result": None}, SCRAPED, "differ by more than 5%"),
    "Prometheus is below": (
        STATUS,
        throughput.Scraped(0.94 * 6459.46, 1.0),
        "differ by more than 5%",
    ),
    "Prometheus is above": (
        STATUS,
        throughput.Scraped(1.06 * 6459.46, 1.0),
        "differ by more than 5%",
    ),
    "scraped now and then": (
        STATUS,
        throughput.Scraped(6459.46, 15.0),
        "scraped it every 15.0 s: set its interval to 1 s",
    ),
    "scraped once": (STATUS, throughput.Scraped(6459.46, math.inf), "scraped it every inf s"),
    "accuracy at the bound": (status(accuracy=0.95), SCRAPED, "accuracy 0.95 is not above 0.95"),
    "too short": (status(seconds=14.9), SCRAPED, "it trained for 14.9 s"),
}


@pytest.mark.parametrize(
    ("seen", "scraped", "sentence"), FALLS_SHORT.values(), ids=FALLS_SHORT.keys()
)
def test_what_falls_short_is_said_before_the_last_line(
    seen: dict[str, Any], scraped: throughput.Scraped | None, sentence: str
) -> None:
    found = verdict.judge(seen, scraped, applied=APPLIED)
    assert not found.held
    assert any(sentence in line for line in found.lines[:-1])
    assert LAST.fullmatch(found.lines[-1])


@pytest.mark.parametrize(
    ("seen", "scraped"),
    [
        (status(seconds=15.0), SCRAPED),
        (status(accuracy=0.9501), SCRAPED),
        (STATUS, throughput.Scraped(0.951 * 6459.46, 1.4)),
        (STATUS, throughput.Scraped(1.049 * 6459.46, 0.9)),
    ],
)
def test_what_just_holds_is_enough(seen: dict[str, Any], scraped: throughput.Scraped) -> None:
    assert verdict.judge(seen, scraped, applied=APPLIED).held


def test_the_readme_shows_such_a_line() -> None:
    readme = (demo.ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^demo: .*$", readme, re.MULTILINE)
    assert LAST.fullmatch(shown)


def example() -> dict[str, Any]:
    job: dict[str, Any] = yaml.safe_load(demo.EXAMPLE.read_text(encoding="utf-8"))
    return job


def epochs(earlier: dict[str, Any] | None) -> int:
    return int(lengths.fitted(example(), earlier)["spec"]["training"]["epochs"])


def test_a_machine_that_is_not_known_yet_runs_the_example_as_it_is() -> None:
    assert lengths.fitted(example(), None) == example()
    assert lengths.fitted(example(), {"status": {"phase": "Failed"}}) == example()


def test_a_fast_machine_trains_for_more_epochs_and_for_as_many_the_next_time() -> None:
    own = example()["spec"]["training"]["epochs"]
    fast = {"status": status(seconds=5.0, epochs=own)}
    assert epochs(fast) == 4 * own
    again = {"status": status(seconds=20.0, epochs=4 * own)}
    assert epochs(again) == 4 * own


def test_a_slow_machine_trains_for_no_more() -> None:
    assert epochs({"status": status(seconds=60.0)}) == epochs(None)


def test_a_run_that_took_no_time_asks_for_no_endless_one() -> None:
    assert epochs({"status": status(seconds=1e-9)}) == 100_000
    assert epochs({"status": status(seconds=0.0)}) == epochs(None)


@pytest.mark.parametrize(
    ("seen", "short"),
    [(status(seconds=8.0), True), (STATUS, False), (FAILED, False)],
    ids=["too fast", "long enough", "failed"],
)
def test_only_a_run_that_was_too_fast_is_repeated(seen: dict[str, Any], short: bool) -> None:
    assert lengths.short({"status": seen}) is short


INFO: dict[str, Any] = {
    "provider": "host",
    "kubeconfig": "/s/kubeconfig",
    "registry": {"push": "http://r:5000", "pull": "r:5000", "host": "http://r:5000"},
    "prometheus": "http://127.0.0.1:9090",
    "programs": {},
}
IMAGES = {"operator": "r:5000/o@sha256:1", "pytorch": "r:5000/p@sha256:2"}


@pytest.mark.parametrize(
    ("provider", "tested", "allowed"),
    [
        ("host", True, install.TEST_REGISTRIES),
        ("host", False, []),
        ("kind", True, []),
        ("existing", True, []),
    ],
)
def test_only_the_tests_cluster_allows_the_tests_registries(
    provider: str, tested: bool, allowed: list[str]
) -> None:
    info = {**INFO, "provider": provider}
    assert install.values(info, IMAGES, tested=tested)["registry"]["allowed"] == allowed


@pytest.mark.parametrize(("tested", "image"), [(True, "r:5000/trainshed/buildah:dev"), (False, "")])
def test_only_the_tests_have_dockerfiles_built(tested: bool, image: str) -> None:
    builder = install.values(INFO, IMAGES, tested=tested)["builder"]
    assert builder["dockerfile"]["buildah"]["image"] == image


@pytest.mark.parametrize(
    ("tested", "image"), [(True, "r:5000/trainshed/pytorch-devel:dev"), (False, "")]
)
def test_only_the_tests_have_extensions_compiled(tested: bool, image: str) -> None:
    devel = install.values(INFO, IMAGES, tested=tested)["images"]["devel"]
    assert devel == {"pytorch": image}


def test_helm_gets_the_values_and_its_failure_comes_with_the_operators_log() -> None:
    run = cluster_fakes.Commands()
    install.install(pathlib.Path("/chart"), {"a": 1}, helm="/bin/helm", info=INFO, run=run)
    assert run.ran[0].startswith("/bin/helm upgrade trainshed /chart --install")
    assert json.loads(run.inputs[0]) == {"a": 1}
    broken = {"/bin/helm": errors.CommandFailed("timed out"), "kubectl": "config refused"}
    with pytest.raises(install.InstallFailed, match=r"timed out\nconfig refused"):
        install.install(
            pathlib.Path("/chart"),
            {},
            helm="/bin/helm",
            info=INFO,
            run=cluster_fakes.Commands(broken),
        )


def test_a_helm_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(errors.Unavailable, match=r"no-such-helm is not installed"):
        install.install(pathlib.Path("/chart"), {}, helm="no-such-helm", info=INFO)
    assert isinstance(errors.Unavailable("x"), demo.FAILURES)


def test_what_was_not_named_of_an_existing_cluster_is_asked_for() -> None:
    registry = {"push": "", "pull": "", "host": ""}
    with pytest.raises(install.InstallFailed, match="--registry URL --prometheus URL"):
        install.usable({**INFO, "registry": registry, "prometheus": ""}, prometheus=True)
    install.usable({**INFO, "prometheus": ""}, prometheus=False)


class Existing:
    """A cluster of somebody else's, and what is remembered of it."""

    def __init__(self, state: pathlib.Path, *namespaces: str) -> None:
        self.state = state
        self.namespaces = set(namespaces)
        self.there = cluster_fakes.Commands()
        self.absent = cluster_fakes.Commands({"helm status": errors.CommandFailed("not found")})

    def claim(self, run: cluster_fakes.Commands) -> installed.Installed | None:
        """Claim it for the demo and return what is remembered."""

        def answer(request: httpx.Request) -> httpx.Response:
            known = request.url.path.rpartition("/")[2] in self.namespaces
            return httpx.Response(200 if known else 404, json={})

        transport = httpx.MockTransport(answer)
        with httpx.Client(base_url="http://api.example", transport=transport) as http:
            install.claim(
                apiserver.ApiServer(http),
                {**INFO, "state": str(self.state)},
                helm="helm",
                namespaces=("trainshed-system", "trainshed-demo"),
                run=run,
            )
        return installed.recorded(self.state)


def test_what_the_demo_makes_in_an_existing_cluster_is_remembered(tmp_path: pathlib.Path) -> None:
    cluster = Existing(tmp_path, "trainshed-system")
    first = cluster.claim(cluster.absent)
    assert first == installed.Installed(
        "helm", "trainshed", "trainshed-system", made=("trainshed-demo",)
    )
    cluster.namespaces.add("trainshed-demo")
    assert cluster.claim(cluster.there) == first


def test_a_release_of_somebody_else_is_not_changed(tmp_path: pathlib.Path) -> None:
    cluster = Existing(tmp_path)
    with pytest.raises(install.InstallFailed, match="did not install"):
        cluster.claim(cluster.there)
    assert installed.recorded(tmp_path) is None


def test_pushed_images_are_installed_by_digest() -> None:
    lines = ["trainshed/operator:dev@sha256:1", "trainshed/base:0.1.0@sha256:2"]
    pushed = "".join(f"127.0.0.1:5000/{line}\n" for line in lines)
    assert demo.by_digest(pushed, pull="registry:5000") == {
        "operator": "registry:5000/trainshed/operator@sha256:1",
        "base": "registry:5000/trainshed/base@sha256:2",
    }


def prometheus(samples: dict[float, float], seconds: dict[float, float]) -> throughput.Scraped:
    """Return what is read of a Prometheus with these values by time."""

    def answer(request: httpx.Request) -> httpx.Response:
        values = samples if throughput.SAMPLES in request.url.params["query"] else seconds
        series = [{"values": [[at, str(value)] for at, value in values.items()]}]
        return httpx.Response(200, json={"data": {"result": series if values else []}})

    return throughput.from_prometheus(
        "http://prometheus.example",
        namespace="n",
        job="j",
        since=100.0,
        transport=httpx.MockTransport(answer),
    )


def test_the_figure_is_of_the_last_scrape_with_both_counters() -> None:
    samples = {99.0: 1e6, 101.0: 100.0, 102.0: 300.0, 103.1: 500.0, 104.0: 900.0}
    seconds = {99.0: 1.0, 101.0: 1.0, 102.0: 2.0, 103.1: 4.0}
    assert prometheus(samples, seconds) == throughput.Scraped(125.0, pytest.approx(1.05))


def test_an_earlier_jobs_scrapes_prove_nothing() -> None:
    with pytest.raises(throughput.NoData):
        prometheus({99.0: 1e6}, {99.0: 1.0})
