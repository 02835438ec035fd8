"""values.yaml: every value has a comment, an entry in the schema and an effect."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from hack.images import catalogue, pushing
from tests.charts import cases, rendering

Body = rendering.Body

TEXT = (rendering.CHART / "values.yaml").read_text(encoding="utf-8")
VALUES: Body = yaml.safe_load(TEXT)
SCHEMA: Body = yaml.safe_load((rendering.CHART / "values.schema.json").read_text(encoding="utf-8"))
FREE = {
    "global",
    *(f"affinity.{each}" for each in ("nodeAffinity", "podAffinity", "podAntiAffinity")),
    *(f"networkPolicy.metricsFrom.[].{each}" for each in ("namespaceSelector", "podSelector")),
    "networkPolicy.metricsFrom.[].ipBlock",
    "builder.networkPolicy.egress.[].to.[]",
    "builder.networkPolicy.egress.[].ports.[]",
}
"""Parts of Kubernetes' own API, which it checks itself, and what belongs to other charts."""

OTHER: Mapping[str, Any] = {
    "image.ref": "registry.example.com/other:1",
    "image.pullPolicy": "Never",
    "image.pullSecrets": [],
    "registry.pull": "other.example.com",
    "registry.push": "http://other.example.com",
    "registry.prefix": "other",
    "registry.allowed": [],
    "registry.credentials.secret": "other",
    "registry.credentials.google": False,
    "registry.ca.configMap": "other",
    "registry.ca.secret": "other",
    "registry.ca.key": "other.crt",
    "registry.bundled.enabled": False,
    "registry.bundled.image": "registry.example.com/other:1",
    "registry.bundled.service.type": "NodePort",
    "registry.bundled.service.port": 1,
    "registry.bundled.service.tokensPort": 2,
    "registry.bundled.realm": "",
    "registry.bundled.storage.claimName": "other",
    "registry.bundled.storage.size": "2Ti",
    "registry.bundled.storage.className": "",
    "registry.bundled.gc.enabled": False,
    "registry.bundled.gc.olderThanDays": 1,
    "registry.bundled.resources.requests": {"cpu": "2"},
    "registry.bundled.resources.limits": {"memory": "4Gi"},
    "images.pytorch": "registry.example.com/other:1",
    "images.tensorflow": "registry.example.com/other:1",
    "images.devel.pytorch": "registry.example.com/other:1",
    "images.devel.tensorflow": "registry.example.com/other:1",
    "images.variants": {"rocm": {"pytorch": "registry.example.com/other:1"}},
    "acceleratorClasses.enabled": False,
    "kueue.enabled": False,
    "acceleratorClasses.shipped": False,
    "acceleratorClasses.overrides": {"nvidia-t4": {"price": {"hourly": 1, "currency": "EUR"}}},
    "placement.gang.by": "none",
    "placement.gang.schedulerName": "other",
    "placement.topologyKeys": ["rack"],
    "placement.pack": True,
    "placement.avoidLabelled": True,
    "builder.image": "registry.example.com/other:1",
    "builder.serviceAccountName": "other",
    "builder.withoutTls": ["lab.example.com"],
    "builder.index.url": "http://index.internal/simple",
    "builder.index.constraints": "numpy<2",
    "builder.index.ca.configMap": "other",
    "builder.index.ca.key": "other.crt",
    "builder.packages.maxBytes": 1,
    "builder.resources.requests": {"cpu": "2"},
    "builder.resources.limits": {"memory": "4Gi"},
    "builder.prePull.nodes": 5,
    "builder.networkPolicy.enabled": False,
    "builder.networkPolicy.egress": [{"ports": [{"port": 22}]}],
    "builder.dockerfile.buildkit.image": "other/buildkit:1",
    "builder.dockerfile.buildah.image": "other/buildah:1",
    "builder.dockerfile.resources.requests": {"cpu": "2"},
    "builder.dockerfile.resources.limits": {"memory": "2Gi"},
    "builder.dockerfile.storage": "1Ti",
    "builder.dockerfile.hostUsers": True,
    "namespaces": ["other"],
    "replicas": 3,
    "workers": 1,
    "writes.perSecond": 0.5,
    "writes.burst": 1,
    "buildDeadlineSeconds": 1,
    "startupDeadlineSeconds": 1,
    "gangDeadlineSeconds": 1,
    "leaderElection.leaseSeconds": 40,
    "leaderElection.renewSeconds": 25,
    "leaderElection.retrySeconds": 1,
    "metrics.finishedJobsRetentionSeconds": 0,
    "crds.enabled": False,
    "crds.keep": False,
    "rbac.aggregate": False,
    "serviceAccount.annotations": {"other": "x"},
    "resources.requests": {"cpu": "2"},
    "resources.limits": {"memory": "2Gi"},
    "env": {"OTHER": "x"},
    "podLabels": {"other": "x"},
    "podAnnotations": {"other": "x"},
    "priorityClassName": "other",
    "nodeSelector": {"other": "x"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAffinity": {}},
    "networkPolicy.enabled": False,
    "networkPolicy.metricsFrom": [],
    "monitoring.annotations": False,
    "monitoring.podMonitor.enabled": False,
    "monitoring.podMonitor.interval": "1m",
    "monitoring.podMonitor.labels": {"other": "x"},
    "monitoring.serviceMonitor.enabled": False,
    "monitoring.rules.enabled": False,
    "monitoring.serviceMonitor.interval": "1m",
    "monitoring.serviceMonitor.labels": {"other": "x"},
    "monitoring.rules.labels": {"other": "x"},
    "dashboards.enabled": False,
    "dashboards.namespace": "other",
    "dashboards.labels": {"other": "x"},
    "dashboards.annotations": {"other": "x"},
    "dashboards.folder": "Other",
}
"""A valid value that the case `full` does not have, for each."""
ELSEWHERE = {
    "builder.networkPolicy.enabled": "namespaced",
    "builder.networkPolicy.egress": "namespaced",
    "registry.credentials.google": "gke",
}
"""Values that the case `full` has not, and the case that has them."""

REFUSED: Mapping[str, tuple[Body, str]] = {
    "an unknown value": ({"replica": 2}, "replica"),
    "an unknown value within": ({"registry": {"url": "x"}}, "url"),
    "no replica": ({"replicas": 0}, "replicas"),
    "half a replica": ({"replicas": 1.5}, "replicas"),
    "a number as text": ({"workers": "24"}, "workers"),
    "too many workers": ({"workers": 5000}, "workers"),
    "a registry with a scheme": ({"registry": {"pull": "https://r.example.com"}}, "pull"),
    "a registry with a path": ({"registry": {"pull": "r.example.com/team"}}, "pull"),
    "a push address without a scheme": ({"registry": {"push": "r.example.com"}}, "push"),
    "an index with a password": (
        {"builder": {"index": {"url": "https://me:secret@index.example/simple"}}},
        "url",
    ),
    "a prefix in capitals": ({"registry": {"prefix": "Team"}}, "prefix"),
    "a namespace that is a whole name": ({"registry": {"prefix": "p/{namespace}"}}, "prefix"),
    "a namespace twice in it": ({"registry": {"prefix": "{namespace}-a/{namespace}-b"}}, "prefix"),
    "another placeholder": ({"registry": {"prefix": "p/a-{team}"}}, "prefix"),
    "one registry as text": ({"registry": {"allowed": "ghcr.io"}}, "allowed"),
    "two authorities": ({"registry": {"ca": {"configMap": "a", "secret": "b"}}}, "ca"),
    "a secret's name in capitals": ({"registry": {"credentials": {"secret": "A"}}}, "secret"),
    "a size with a space": ({"builder": {"dockerfile": {"storage": "20 Gi"}}}, "storage"),
    "another engine": ({"builder": {"dockerfile": {"kaniko": {"image": "x"}}}}, "kaniko"),
    "a namespace that is none": ({"namespaces": ["team_a"]}, "namespaces"),
    "a namespace twice": ({"namespaces": ["a", "a"]}, "namespaces"),
    "no write at all": ({"writes": {"perSecond": 0}}, "perSecond"),
    "an unknown pull policy": ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
    "a pull secret as text": ({"image": {"pullSecrets": ["regcred"]}}, "pullSecrets"),
    "a label that is a number": ({"podLabels": {"a": 1}}, "podLabels"),
    "a variable that is a number": ({"env": {"A": 1}}, "env"),
    "a switch as text": ({"crds": {"keep": "false"}}, "keep"),
    "claims": ({"resources": {"claims": []}}, "claims"),
    "an unknown effect": ({"tolerations": [{"effect": "Run"}]}, "tolerations"),
    "an unknown affinity": ({"affinity": {"gpuAffinity": {}}}, "gpuAffinity"),
    "an unknown peer": ({"networkPolicy": {"metricsFrom": [{"all": True}]}}, "metricsFrom"),
    "an interval without a unit": ({"monitoring": {"podMonitor": {"interval": "15"}}}, "interval"),
    "a registry's port as text": ({"registry": {"bundled": {"service": {"port": "1"}}}}, "port"),
    "no day at all": ({"registry": {"bundled": {"gc": {"olderThanDays": 0}}}}, "olderThanDays"),
    "a realm without a scheme": ({"registry": {"bundled": {"realm": "host"}}}, "realm"),
    "a rule that is none": ({"builder": {"networkPolicy": {"egress": [{"all": 1}]}}}, "egress"),
    "a deadline as text": ({"buildDeadlineSeconds": "15m"}, "buildDeadlineSeconds"),
}


def resolved(schema: Body) -> Body:
    """Return a schema or the definition that it refers to."""
    reference = schema.get("$ref")
    found: Body = SCHEMA["$defs"][reference.rpartition("/")[2]] if reference else schema
    return found


def schemas(schema: Body, path: str = "") -> Iterator[tuple[str, Body]]:
    """Yield the dotted path and the schema of everything below a schema."""
    children = dict(resolved(schema).get("properties") or {})
    if "items" in resolved(schema):
        children["[]"] = resolved(schema)["items"]
    for key, child in children.items():
        below = f"{path}.{key}" if path else key
        yield below, resolved(child)
        yield from schemas(child, below)


def leaves(values: Body, schema: Body, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every value that has no values of its own within."""
    for key, value in values.items():
        below = f"{path}.{key}" if path else key
        own = resolved(schema["properties"][key])
        if isinstance(value, dict) and value and "properties" in own:
            yield from leaves(value, own, below)
        else:
            yield below


def keys(node: yaml.MappingNode, schema: Body, path: str = "") -> Iterator[tuple[str, int, int]]:
    """Yield the dotted path, line and column of every value and section in the text."""
    for key, value in node.value:
        below = f"{path}.{key.value}" if path else key.value
        yield below, key.start_mark.line, key.start_mark.column
        own = resolved(schema["properties"][key.value])
        if isinstance(value, yaml.MappingNode) and "properties" in own:
            yield from keys(value, own, below)


def nested(path: str, value: object) -> Body:
    """Return values that set one, by its dotted path."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def test_every_value_has_a_comment() -> None:
    lines = TEXT.splitlines()
    root = yaml.compose(TEXT)
    assert isinstance(root, yaml.MappingNode)
    for path, line, column in keys(root, SCHEMA):
        above = line - 1
        while lines[above].startswith(f"{' ' * column}# ") and "# -- " not in lines[above]:
            above -= 1
        assert lines[above].startswith(f"{' ' * column}# -- "), f"{path} has no comment"
        assert lines[line - 1].endswith((".", "].")), f"the comment of {path} is no sentence"


def test_the_schema_has_every_value_and_no_other() -> None:
    known = {
        path
        for path, schema in schemas(SCHEMA)
        if "properties" not in schema and "[]" not in path and path not in FREE
    }
    sections = {"affinity"}

    assert known | sections == set(leaves(VALUES, SCHEMA))


def test_the_schema_refuses_what_it_does_not_name() -> None:
    open_ones = {
        path
        for path, schema in schemas(SCHEMA)
        if schema.get("type") == "object" and "additionalProperties" not in schema
    }
    maps = {"string", "object", ("string", "number")}

    assert SCHEMA["additionalProperties"] is False
    assert open_ones == FREE
    for path, schema in schemas(SCHEMA):
        more = schema.get("additionalProperties", False)
        kind = more and more["type"]
        assert more is False or (tuple(kind) if isinstance(kind, list) else kind) in maps, path


def test_there_is_another_value_to_try_for_each() -> None:
    assert set(OTHER) == set(leaves(VALUES, SCHEMA))


@pytest.mark.parametrize("path", OTHER)
def test_every_value_has_an_effect(
    path: str, helm: rendering.Helm, charts: Mapping[str, rendering.Rendered]
) -> None:
    case = ELSEWHERE.get(path, "full")
    values = rendering.merged(cases.CASES[case][0], nested(path, OTHER[path]))
    if path == "registry.ca.configMap":
        values["registry"]["ca"]["secret"] = ""

    other = helm.render(values, served=rendering.MONITORS)

    assert other.documents != charts[case].documents


@pytest.mark.parametrize(("values", "field"), REFUSED.values(), ids=REFUSED)
def test_the_schema_refuses(values: Body, field: str, helm: rendering.Helm) -> None:
    with pytest.raises(rendering.HelmRefused, match=field) as caught:
        helm.render(rendering.merged(cases.LEAST, values))

    assert "don't meet the specifications of the schema" in str(caught.value)


def test_the_guide_names_only_values_that_exist() -> None:
    guide = (rendering.ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    known = set(leaves(VALUES, SCHEMA))
    sections = "|".join(VALUES)
    named = re.findall(rf"`((?:{sections})(?:\.[A-Za-z]+)+)", guide)
    given = re.findall(r"--set '?([A-Za-z.]+)=", guide)

    assert named
    assert given
    for name in (*named, *given):
        assert name in known or name.rpartition(".")[0] in known, name


def test_the_install_pulls_what_the_documented_push_has_pushed(
    charts: Mapping[str, rendering.Rendered],
) -> None:
    guide = (rendering.ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    (address,) = re.findall(r"hack\.images push --registry (\S+)", guide)
    registry = pushing.registry(address)
    pushed = {
        registry.ref(image, tag=tag)
        for image in catalogue.IMAGES
        for tag in catalogue.tags(rendering.ROOT)
    }
    least = charts["least"]
    config = yaml.safe_load(least.config)
    (container,) = least.pod["spec"]["containers"]

    assert f"registry.pull={registry.address}" in guide
    assert config["registry"]["push"] == address
    bases = {image for image in config["images"].values() if isinstance(image, str)}
    assert {container["image"], *bases, config["builder"]["image"]} <= pushed
    assert not any(config["images"]["devel"].values())
