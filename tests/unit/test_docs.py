"""The documents: examples that parse and are valid, links that lead somewhere, names that exist."""

import ast
import functools
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from hack.dashboards import recording
from hack.reference import __main__ as reference
from hack.reference import limits
from tests import builders
from tests.unit.core import structural
from trainshed import config
from trainshed.api import labels, reasons, spec
from trainshed.metrics import names
from trainshed.registry import errors as registry_errors
from trainshed.workloads import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRAINER = ROOT / "images" / "trainer" / "trainshed_trainer"
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *(ROOT / name for name in ("hack/cluster/README.md", "images/README.md")),
    ROOT / "images" / "trainer" / "README.md",
]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@functools.cache
def text_of(page: str) -> str:
    """Return a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *kinds: str) -> list[str]:
    """Return the code blocks of a page of these languages."""
    return [
        textwrap.dedent(found["text"])
        for found in _FENCE.finditer(text_of(page))
        if found["kind"] in kinds
    ]


def training_jobs() -> Iterator[Any]:
    """Yield every TrainingJob in a document or an example."""
    for page in NAMES:
        for block in blocks(page, "yaml"):
            yield from _jobs(page, block)
    for example in sorted((ROOT / "examples").rglob("*.yaml")):
        yield from _jobs(str(example.relative_to(ROOT)), example.read_text(encoding="utf-8"))


def _jobs(where: str, text: str) -> Iterator[Any]:
    for document in yaml.load_all(text, yaml.CSafeLoader):
        if isinstance(document, dict) and document.get("kind") == labels.KIND:
            yield pytest.param(document, id=f"{where}:{document['metadata']['name']}")


def prose(page: str) -> str:
    """Return a page without its code blocks."""
    return _FENCE.sub("", text_of(page))


@functools.cache
def anchors(page: pathlib.Path) -> set[str]:
    """Return the fragments of a page's headings."""
    body = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {limits.anchor(each) for each in re.findall(r"^#+ (.+)$", body, re.M)}


def commands() -> str:
    """Return what the documents show as code, block by block and word by word."""
    shown = [block for page in NAMES for block in blocks(page, "sh", "")]
    shown += [each for page in NAMES for each in re.findall(r"`([^`\n]+)`", prose(page))]
    return "\n".join(shown)


@pytest.mark.parametrize("job", list(training_jobs()))
def test_every_training_job_is_valid(job: dict[str, Any]) -> None:
    assert job["apiVersion"] == labels.API_VERSION
    assert _NAME.fullmatch(job["metadata"]["name"])
    assert structural.faults(job["spec"], structural.SPEC, "spec") == []
    assert spec.TrainingJobSpec.model_validate(job["spec"])


def test_the_inline_script_runs_on_a_laptop_too(tmp_path: pathlib.Path) -> None:
    page = "docs/how-to/train-your-own-code.md"
    job = next(job.values[0] for job in training_jobs() if job.id == f"{page}:my-script")
    for name, text in job["spec"]["source"]["inline"]["files"].items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    params = tmp_path / "params.json"
    params.write_text(json.dumps(job["spec"]["params"]), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, *job["spec"]["source"]["entrypoint"][1:]],
        cwd=tmp_path,
        env={"PYTHONPATH": str(TRAINER.parent), "TRAINSHED_PARAMS_FILE": str(params)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "step 40" in done.stderr


@pytest.mark.parametrize("page", NAMES)
def test_every_example_parses(page: str) -> None:
    for block in blocks(page, "yaml"):
        assert list(yaml.load_all(block, yaml.CSafeLoader))
    for block in blocks(page, "json"):
        assert json.loads(block)
    for block in blocks(page, "python"):
        assert ast.parse(block)


@pytest.mark.parametrize("page", NAMES)
def test_every_query_is_about_series_that_exist(page: str) -> None:
    for block in blocks(page, "promql"):
        for query in block.strip().split("\n\n"):
            assert promql_parser.parse(query)
            known = re.findall(r"\b(?:training|trainingjob|trainshed)[_:][\w:]+", query)
            assert known
            assert set(known) <= {*names.SERIES, *recording.SERIES}


@pytest.mark.parametrize("page", NAMES)
def test_every_relative_link_resolves(page: str) -> None:
    for link in _LINK.findall(re.sub(r"`[^`\n]+`", "code", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{link} leads nowhere"
        if fragment:
            assert fragment in anchors(target), f"{link} has no such heading"


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.M))

    named = set(re.findall(r"(?:^|[;&] )make ([a-z][a-z0-9-]*)", commands(), re.M))

    assert named
    assert named <= targets


def test_every_module_that_is_to_be_run_exists() -> None:
    named = set(re.findall(r"python3? -m ((?:hack|tests|trainshed)[\w.]*)", commands()))

    assert named
    assert {each for each in named if importlib.util.find_spec(each) is None} == set()


def test_every_reason_is_explained() -> None:
    known = {*reasons.ConditionType, *reasons.Reason, *reasons.BuildReason, *reasons.FailureClass}
    known |= {*reasons.ClassReason}
    known |= {each.reason for each in registry_errors.KINDS}
    for path in TRAINER.rglob("*.py"):
        known |= set(re.findall(r'reason"?[=:] ?"([A-Z]\w+)"', path.read_text(encoding="utf-8")))

    told = text_of("docs/reference/reasons.md")

    assert {each for each in known if f"| `{each}` |" not in told} == set()


def test_every_setting_is_told_with_its_default() -> None:
    told = text_of("docs/reference/settings.md")

    rows = [f"| `{name}` | `{value}` |" for name, value in _settings(config.Settings())]

    assert [row for row in rows if row not in told] == []


def _settings(section: config.Section, prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in section:
        path = prefix + _camel(name)
        if isinstance(value, config.Section):
            yield from _settings(value, f"{path}.")
        else:
            yield path, json.dumps(value, default=str)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)


def test_every_value_of_the_chart_is_told() -> None:
    values = yaml.load(text_of("charts/trainshed/values.yaml"), yaml.CSafeLoader)
    told = text_of("docs/reference/settings.md")

    missing = [name for name in _leaves(values) if f"| `{name}` |" not in told]

    assert missing == []


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in ("resources", "env", "labels"):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_variable_of_the_pod_is_told() -> None:
    told = text_of("docs/reference/trainer.md")
    asked = builders.training_job().data(uri="s3://bucket/clips", layout="npz")
    claim = {"volume": {"claimName": "kept"}}
    asked = asked.spec(checkpoint=claim, visualization=claim, export={"formats": ["onnx"], **claim})
    set_ = environment.variables(
        spec.TrainingJobSpec.model_validate(asked.build()["spec"]),
        namespace="a",
        name="b",
        workload="b-1",
        attempt=1,
        progress_url="https://c",
    )

    assert [each["name"] for each in set_ if f"`{each['name']}`" not in told] == []


def test_the_reference_of_training_jobs_is_up_to_date() -> None:
    assert reference.stale() == []


def test_every_field_of_a_training_job_says_what_it_is_for() -> None:
    silent = [*_silent(structural.SPEC), *_silent(structural.STATUS)]

    assert silent == []


def _silent(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        if not each.get("description"):
            yield f"{path}.{name}"
        yield from _silent(each, f"{path}.{name}")
        yield from _silent(each.get("items", {}), f"{path}.{name}[]")


def test_each_page_is_listed() -> None:
    listed = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = [
        page.relative_to(ROOT / "docs").as_posix()
        for page in (ROOT / "docs").rglob("*.md")
        if page.name != "README.md"
    ]

    assert [page for page in sorted(pages) if f"({page})" not in listed] == []
