"""`trainshed render --build`: what a job's image is made of, and where."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests import builders, places
from trainshed import config
from trainshed.api import spec
from trainshed.builds import embedding, orders, pods, requests
from trainshed.cli import main
from trainshed.core import admission, imaging, policy
from trainshed.progress import builders as progress
from trainshed.registry import surroundings

DIGEST = "sha256:" + "b" * 64
BASE = f"registry.example/trainshed/pytorch@{DIGEST}"
SETTINGS = {
    "registry": {"push": "https://registry.example", "pull": "registry.example"},
    "images": {"pytorch": BASE, "tensorflow": BASE},
    "builder": {"image": "registry.example/trainshed/builder:1"},
}
COMMIT = "c" * 40
Run = Callable[..., "Ended"]


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Return what was written, as JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def library(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "library"
    (folder / "trainshed_trainer").mkdir(parents=True)
    (folder / "trainshed_trainer" / "__init__.py").write_bytes(b"")
    return folder


@pytest.fixture
def run(
    tmp_path: pathlib.Path,
    library: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return what renders a manifest's build."""

    def rendered(*bodies: Any, options: tuple[str, ...] = (), settings: Any = SETTINGS) -> Ended:
        file, known = tmp_path / "job.yaml", tmp_path / "settings.yaml"
        file.write_text(bodies[0] if isinstance(bodies[0], str) else yaml.safe_dump_all(bodies))
        known.write_text(yaml.safe_dump(settings))
        given = ["--config", str(known), "--library", str(library), *options]
        monkeypatch.setattr(sys, "argv", ["trainshed", "render", "--build", str(file), *given])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return Ended(int(ended.value.code or 0), told.out, told.err)

    return rendered


def git(ref: str = COMMIT) -> builders.TrainingJobBuilder:
    return builders.training_job().git("https://git.example/a.git", ref=ref)


JSON = ("-o", "json")


def test_an_inline_source_is_built_by_the_operator_under_a_key_of_all_that_goes_in(
    run: Run,
) -> None:
    found = run(builders.training_job().script("print(1)").build(), options=JSON).document

    request = requests.Request(
        base_digest=DIGEST,
        library=requests.tree_hash({"__init__.py": b""}),
        source={"train.py": b"print(1)"},
        entrypoint=tuple(found["entrypoint"]),
    )
    assert found["where"] == "operator"
    assert found["key"] == f"b-{request.key()}"
    assert found["inputs"] == json.loads(json.dumps(request.inputs()))
    assert found["missing"] == {}
    assert found["buildJob"] is None


def test_a_commit_is_built_in_a_pod_whose_job_is_shown_as_it_would_be_created(
    run: Run, library: pathlib.Path
) -> None:
    job = git()
    found = run(job.build(), options=JSON).document

    settings = config.Settings.model_validate(SETTINGS)
    read = admission.read(job.view())
    assert isinstance(read, spec.TrainingJobSpec)
    order = imaging.order(read, policy.Policy(base_images=settings.images.bases)).pod
    assert order is not None
    own = requests.tree_hash({"__init__.py": b""})
    order = dataclasses.replace(order, library=own, files=embedding.pack({}))
    told = progress.address(settings.progress, namespace="trainshed-system", ca_pem="")
    given = surroundings.of(settings, operator=told)(builders.NAMESPACE)
    wanted = pods.render(order, namespace=builders.NAMESPACE, given=given)
    assert found["where"] == "pod"
    assert found["buildJob"] == json.loads(json.dumps(wanted))
    assert found["order"] == order.hash()
    assert found["answeredBy"] == [f"o-{order.hash()}"]
    assert found["key"] is None
    assert found["inputs"]["source"] is None
    assert found["inputs"]["base"] == DIGEST
    document = wanted["spec"]["template"]["metadata"]["annotations"]["trainshed.dev/order"]
    assert orders.load(document) == order


def test_a_branch_has_an_order_and_no_answer_for_good(run: Run) -> None:
    found = run(git("main").build(), options=JSON).document
    assert (found["answeredBy"], found["refresh"]) == ([], "always")
    assert found["order"]


def test_a_ready_image_is_not_built(run: Run) -> None:
    text = run(builders.training_job().command("train", image="own:1").build())
    assert text.code == 0
    assert "image.ref names own:1: nothing is built" in text.out


def test_the_same_input_gives_the_same_text(run: Run) -> None:
    job = git().spec(image={"deadlineSeconds": 60}).build()
    for output in ("text", "json", "yaml"):
        first, second = (run(job, options=("-o", output)).out for _ in range(2))
        assert first == second
    assert yaml.safe_load(second)["deadlineSeconds"] == 60


def test_a_config_map_may_stand_in_the_same_file(run: Run) -> None:
    code = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "code"},
        "data": {"train.py": "print(1)"},
    }
    job = builders.training_job().config_map("code", "python", "train.py").build()
    inline = builders.training_job().script("print(1)").build()

    assert run(code, job, options=JSON).document["key"] == run(inline, options=JSON).document["key"]
    alone = run(job, options=JSON).document
    assert alone["key"] is None
    assert "ConfigMap code" in alone["missing"]["source"]


def test_what_is_not_known_here_is_said_and_no_key_is_made_up(run: Run) -> None:
    settings = {**SETTINGS, "images": {"pytorch": "registry.example/trainshed/pytorch:1"}}
    job = builders.training_job().script("print(1)").build()

    offline = run(job, options=("--offline", *JSON), settings=settings).document
    text = run(job, options=("--offline", "--library", "/none-such"), settings=settings).out

    assert offline["key"] is None
    assert offline["missing"] == {"base": "no registry is asked, with --offline"}
    assert "not known here, for want of base, library" in text
    assert "name it by --library" in text


def test_the_library_and_the_base_are_in_the_order_only_where_they_are_known(run: Run) -> None:
    settings = {**SETTINGS, "images": {"pytorch": "registry.example/trainshed/pytorch:1"}}
    found = run(git().build(), options=("--offline", *JSON), settings=settings).document
    assert (found["order"], found["answeredBy"]) == (None, [])
    assert found["buildJob"]["kind"] == "Job"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a: [", "is no YAML"),
        ("a: 1", "holds no TrainingJobs"),
        (
            builders.training_job().script().spec(image={"refresh": "hourly"}).build(),
            "spec.image.refresh: Input should be 'never', 'daily' or 'always'",
        ),
        (
            builders.training_job().script().spec(colour="red").build(),
            "spec.colour: there is no such field",
        ),
        (
            builders.training_job().git("https://git.example/a.git", branch="main").build(),
            "spec.source.git.branch: there is no such field",
        ),
        (
            builders.training_job().inline({"a.py": "x"}, "python", "train.py").build(),
            "entry point 'train.py' is not among the files (a.py)",
        ),
        (
            builders.training_job()
            .script()
            .spec(image={"base": "registry.example/trainshed/ns/other/x:1"})
            .build(),
            "BaseImageNotAllowed",
        ),
        ({**builders.training_job().script().build(), "apiVersion": "v1"}, "apiVersion is v1"),
    ],
)
def test_what_cant_be_built_is_a_sentence_and_code_2(run: Run, body: Any, said: str) -> None:
    ended = run(body)
    assert ended.code == 2
    assert ended.out == ""
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


def test_several_errors_are_each_told(run: Run) -> None:
    job = builders.training_job().script().spec(image={"refresh": "x", "compression": "y"})
    ended = run(job.build())
    assert (ended.code, ended.err.count("error:")) == (2, 2)


def test_settings_that_cant_be_used_are_told(run: Run) -> None:
    ended = run(builders.training_job().script().build(), settings={"registy": {}})
    assert ended.code == 2
    assert "registy" in ended.err


def test_a_base_that_the_operator_may_not_call_is_read_in_the_pod(run: Run) -> None:
    job = builders.training_job().script("print(1)").spec(image={"base": "other.example/x:1"})
    found = run(job.build(), options=JSON).document
    assert found["where"] == "pod"
    assert found["missing"] == {"base": "read in the pod alone"}
    assert found["order"], "it is of the base as the job names it"
    assert (found["answeredBy"], found["key"]) == ([], None)


def test_images_that_go_elsewhere_are_made_in_a_pod(run: Run) -> None:
    image = {"repository": "other.example/team/images", "pushSecret": {"name": "push"}}
    job = builders.training_job().script("print(1)").spec(image=image)
    found = run(job.build(), options=JSON).document
    assert found["repository"] == "other.example/team/images"
    assert found["why"].startswith("image.repository and image.pushSecret: done in a pod")
    volumes = found["buildJob"]["spec"]["template"]["spec"]["volumes"]
    assert {"secretName": "push", "defaultMode": 0o440} in [each.get("secret") for each in volumes]


def test_a_bundled_registry_gives_its_pods_tokens_and_their_job_says_so(run: Run) -> None:
    registry = {**SETTINGS["registry"], "bundled": {"enabled": True}}
    settings = {**SETTINGS, "registry": registry}
    options = ("--operator-namespace", "operators")
    found = run(git().build(), options=(*options, *JSON), settings=settings).document

    template = found["buildJob"]["spec"]["template"]
    assert "operators.svc" in template["metadata"]["annotations"]["trainshed.dev/spec"]
    assert "authority" in found["missing"]
    assert found["order"]
    text = run(git().build(), options=options, settings=settings).out
    assert "# its certificate authority is the operator's own" in text


def test_a_dockerfile_makes_its_own_base_in_the_pod(run: Run) -> None:
    job = builders.training_job().script("print(1)").spec(image={"strategy": "dockerfile"})
    none = run(job.build())
    assert (none.code, "StrategyUnavailable" in none.err) == (2, True)

    builder = {**SETTINGS["builder"], "dockerfile": {"buildkit": {"image": "buildkit:1"}}}
    settings = {**SETTINGS, "builder": builder}
    found = run(job.build(), options=JSON, settings=settings).document
    assert (found["where"], found["base"], found["key"]) == ("pod", "", None)
    assert found["why"].startswith("image.strategy: done in a pod")
    assert found["missing"]["base"] == "read in the pod alone"
    assert found["buildJob"]["kind"] == "Job"
    text = run(job.build(), settings=settings).out
    assert "namespace default must be labelled" in text
    assert "made by the Dockerfile" in text
    assert "&id" not in text, "what is shown twice is written twice"


CUDA = f"registry.example/trainshed/pytorch-cuda@sha256:{'c' * 64}"
ROCM = f"registry.example/trainshed/pytorch-rocm@sha256:{'d' * 64}"
L4 = places.gpu("l4", image={"variant": "cuda"})["spec"]
MI300X = places.gpu("mi300x", r"amd\.com/gpu", image={"variant": "rocm"})["spec"]


def classed(*shipped: tuple[str, Any], variants: Any = None) -> dict[str, Any]:
    """Return settings with bases of two variants and these classes of the chart."""
    known = {"cuda": {"pytorch": CUDA}, "rocm": {"pytorch": ROCM}} if variants is None else variants
    classes = [{"name": name, "spec": spec_} for name, spec_ in shipped]
    return {
        **SETTINGS,
        "images": {**SETTINGS["images"], "variants": known},
        "acceleratorClasses": {"shipped": classes},
    }


def on(**accelerator: Any) -> dict[str, Any]:
    return builders.training_job().script("print(1)").spec(accelerator=accelerator).build()


@pytest.mark.parametrize(
    ("asked", "shipped", "base", "said"),
    [
        ({"class": "l4"}, [("l4", L4), ("mi300x", MI300X)], CUDA, "class l4, variant cuda"),
        ({"type": "gpu"}, [("l4", L4), ("t4", L4)], CUDA, "any class of type gpu, variant cuda"),
        (
            {"type": "gpu", "fallback": ["cpu"]},
            [("cpu", {"type": "cpu"}), ("l4", L4)],
            CUDA,
            "any class of type gpu, variant cuda; where it falls back, another base",
        ),
        ({"type": "cpu"}, [("l4", L4)], BASE, "any class of type cpu, the plain base"),
    ],
)
def test_the_base_is_that_of_the_class(
    run: Run, asked: Any, shipped: Any, base: str, said: str
) -> None:
    found = run(on(**asked), options=JSON, settings=classed(*shipped)).document

    assert (found["base"], found["baseDigest"]) == (base, base.partition("@")[2])
    assert found["accelerator"] == said


def test_a_class_may_stand_in_the_same_file_or_be_taken_for_chosen(run: Run) -> None:
    own = places.gpu("own", image={"variant": "rocm"})
    settings = classed(("l4", L4), ("mi300x", MI300X))

    beside = run(own, on(**{"class": "own"}), options=JSON, settings=settings).document
    as_if = run(on(type="gpu"), options=("--class", "mi300x", *JSON), settings=settings).document

    assert (beside["base"], as_if["base"]) == (ROCM, ROCM)
    assert beside["key"] == as_if["key"]
    assert "accelerator     class mi300x, variant rocm" in (
        run(on(type="gpu"), options=("--class", "mi300x"), settings=settings).out
    )


@pytest.mark.parametrize(
    ("asked", "shipped", "said"),
    [
        (
            {"type": "gpu"},
            [("l4", L4), ("mi300x", MI300X)],
            "their bases differ (cuda: l4; rocm: mi300x): name one by --class",
        ),
        ({}, [("l4", L4)], "their bases differ (plain: the CPU; cuda: l4): name one by --class"),
        ({"class": "own"}, [("l4", L4)], "there is no AcceleratorClass own here"),
        ({"type": "fpga"}, [("l4", L4)], "no AcceleratorClass is of type fpga here"),
        (
            {"class": "l4"},
            [("l4", places.gpu("l4", image={"variant": "other"})["spec"])],
            "BaseImageMissing: AcceleratorClass l4 needs base images of the variant other",
        ),
        ({"class": "l4"}, [("l4", places.gpu("l4", "[")["spec"])], "AcceleratorClassInvalid"),
    ],
)
def test_a_base_that_only_the_cluster_knows_is_not_guessed(
    run: Run, asked: Any, shipped: Any, said: str
) -> None:
    ended = run(on(**asked), settings=classed(*shipped))

    assert (ended.code, ended.out) == (2, "")
    assert said in " ".join(ended.err.split())


def test_without_variants_and_with_a_base_of_its_own_no_class_makes_a_difference(run: Run) -> None:
    plain = run(on(**{"class": "own"}), options=JSON, settings=classed(variants={})).document
    body = on(type="gpu")
    body["spec"]["image"] = {"base": BASE}
    own = run(body, options=JSON, settings=classed(("l4", L4), ("mi300x", MI300X))).document

    assert (plain["base"], plain["accelerator"]) == (BASE, "")
    assert (own["base"], own["accelerator"]) == (BASE, "")


def test_packages_are_an_input_whose_lock_only_a_pod_knows(run: Run) -> None:
    job = builders.training_job().script("print(1)")
    body = job.build()
    body["spec"]["source"]["requirements"] = {"packages": ["einops==0.8.1"]}
    builder = {**SETTINGS["builder"], "index": {"url": "https://index.example/simple"}}
    found = run(body, options=JSON, settings={**SETTINGS, "builder": builder}).document

    assert (found["where"], found["key"]) == ("pod", None)
    assert "source.requirements" in found["why"]
    assert found["inputs"]["packages"] is None
    assert found["inputs"]["requirements"]["packages"] == ["einops==0.8.1"]
    assert found["inputs"]["requirements"]["index"] == "https://index.example/simple"
    order = found["buildJob"]["spec"]["template"]["metadata"]["annotations"]["trainshed.dev/order"]
    assert "https://index.example/simple" in order


def test_packages_that_may_be_built_are_told_with_the_image_that_builds_them(run: Run) -> None:
    body = builders.training_job().script("print(1)").build()
    asked = {"packages": ["einops==0.8.1"], "wheelsOnly": False}
    body["spec"]["source"]["requirements"] = asked
    images = {**SETTINGS.get("images", {}), "devel": {"pytorch": "own.example/devel:1"}}
    found = run(body, options=JSON, settings={**SETTINGS, "images": images}).document

    assert found["inputs"]["requirements"]["wheels_in"] == "own.example/devel:1"
    assert "development image" in found["missing"]
    spec = found["buildJob"]["spec"]["template"]["spec"]
    assert [each["name"] for each in spec["initContainers"]] == ["fetch", "wheels"]


@pytest.mark.parametrize(
    ("devel", "whole"), [("devel:1", False), (f"devel@sha256:{'0' * 64}", True)]
)
def test_what_is_compiled_is_told_with_the_image_that_compiles_it(
    run: Run, devel: str, whole: bool
) -> None:
    body = builders.training_job().script("print(1)").build()
    body["spec"]["source"]["compile"] = True
    none = run(body)
    assert (none.code, "DevelImageMissing" in none.err) == (2, True)

    images = {**SETTINGS.get("images", {}), "devel": {"pytorch": f"own.example/{devel}"}}
    found = run(body, options=JSON, settings={**SETTINGS, "images": images}).document

    assert (found["where"], found["key"]) == ("pod", None)
    assert "source.compile" in found["why"]
    assert found["inputs"]["compile"] == f"own.example/{devel}"
    assert found["inputs"]["packages"] is None
    assert (found["order"] is not None, "development image" not in found["missing"]) == (
        whole,
        whole,
    )
    spec = found["buildJob"]["spec"]["template"]["spec"]
    assert [each["name"] for each in spec["initContainers"]] == ["fetch", "compile"]


OFF = {**SETTINGS, "acceleratorClasses": {"enabled": False}}


@pytest.mark.parametrize(
    ("image", "settings", "said"),
    [
        ({"base": BASE}, classed(("l4", L4)), "stands on no default base"),
        ({}, OFF, "accelerator classes are off in these settings"),
        ({}, classed(("l4", L4)), "there is no AcceleratorClass l5 here"),
        ({}, classed(variants={}), "there is no AcceleratorClass l5 here"),
    ],
)
def test_a_class_that_makes_no_difference_or_is_none_is_not_taken_for_chosen(
    run: Run, image: Any, settings: Any, said: str
) -> None:
    body = on(type="gpu")
    body["spec"]["image"] = image

    ended = run(body, options=("--class", "l5"), settings=settings)

    assert (ended.code, ended.out) == (2, "")
    assert said in " ".join(ended.err.split())


def test_a_class_that_is_taken_for_chosen_is_told_where_all_have_the_plain_base_too(
    run: Run,
) -> None:
    settings = classed(("t4", places.gpu("t4")["spec"]), variants={})

    found = run(on(type="gpu"), options=("--class", "t4", *JSON), settings=settings).document

    assert found["accelerator"] == "class t4, the plain base"
