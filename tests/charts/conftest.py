"""helm, and the chart rendered with each set of values once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.charts import cases, rendering


@pytest.fixture(scope="session")
def helm() -> rendering.Helm:
    """Return helm."""
    return rendering.Helm(rendering.helm_path())


@pytest.fixture(scope="session")
def charts(helm: rendering.Helm) -> Mapping[str, rendering.Rendered]:
    """Return the objects that the chart makes, by the name of the case."""
    return {
        name: helm.render(values, served=served) for name, (values, served) in cases.CASES.items()
    }


@pytest.fixture(params=cases.CASES)
def chart(
    request: pytest.FixtureRequest, charts: Mapping[str, rendering.Rendered]
) -> rendering.Rendered:
    """Return the objects of each case in turn."""
    return charts[request.param]
