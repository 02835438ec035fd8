"""The chart's manifests in full, as golden files: a change of them is seen in review.

`TRAINSHED_GOLDEN=write pytest tests/charts` writes them anew. What is generated elsewhere, the
CRDs and the dashboards, stands in them by its name alone.
"""

import os
import pathlib
from collections.abc import Mapping

import pytest
import yaml

from tests.charts import cases, rendering

FOLDER = pathlib.Path(__file__).parent / "golden"


def shortened(body: rendering.Body) -> rendering.Body:
    """Return an object without content that is generated from something else."""
    if body["kind"] == "CustomResourceDefinition":
        return {**body, "spec": "see crds/"}
    if body["metadata"]["name"].startswith("trainshed-dashboard-"):
        return {**body, "data": dict.fromkeys(body["data"], "see charts/trainshed/dashboards/")}
    return body


@pytest.mark.parametrize("name", cases.CASES)
def test_the_manifests_are_the_golden_ones(
    name: str, charts: Mapping[str, rendering.Rendered]
) -> None:
    path = FOLDER / f"{name}.yaml"
    documents = [shortened(each) for each in charts[name].documents]
    text = yaml.safe_dump_all(documents, sort_keys=False, width=100)
    if os.environ.get("TRAINSHED_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")
