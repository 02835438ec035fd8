"""Which classes `render` goes by where it asks a cluster."""

from __future__ import annotations

import pytest

from tests import builders, places
from tests.unit.kube import store
from trainshed import config
from trainshed.api import spec
from trainshed.cli import clusters, failing, manifests, variants
from trainshed.core import admission
from trainshed.kube import errors, kinds

CLASSES = config.AcceleratorClasses(
    shipped=(config.ShippedClass(name="chart", spec=places.gpu("chart")["spec"]),)
)
PLAIN = config.Settings(accelerator_classes=CLASSES)
VARIED = config.Settings(
    accelerator_classes=CLASSES, images=config.Images(variants={"cuda": {"pytorch": "a:1"}})
)


def manifest(*beside: places.Body) -> manifests.Manifest:
    read = admission.read(builders.training_job().script().view())
    assert isinstance(read, spec.TrainingJobSpec)
    classes = {each["metadata"]["name"]: each for each in beside}
    return manifests.Manifest("default", "gestures", read, {}, classes)


def cluster(*known: places.Body) -> tuple[clusters.Cluster, store.Store]:
    objects = store.Store()
    for each in known:
        objects.put(kinds.CLASSES, each)
    return clusters.Cluster(objects), objects


async def test_a_clusters_classes_are_those_that_it_has_and_the_files_own_come_first() -> None:
    own = places.gpu("mine", image={"variant": "cuda"})
    asked, _ = cluster(places.gpu("mine"), places.gpu("theirs"))

    found = await variants.known(manifest(own), VARIED, asked)

    assert {name: each.variant for name, each in found.items()} == {"mine": "cuda", "theirs": ""}


async def test_nothing_is_asked_of_a_cluster_where_classes_make_no_difference() -> None:
    asked, objects = cluster(places.gpu("theirs"))

    found = await variants.known(manifest(), PLAIN, asked)

    assert (set(found), objects.requests) == ({"chart"}, [])


async def test_a_cluster_is_asked_where_a_class_is_to_be_taken_for_chosen() -> None:
    asked, _ = cluster(places.gpu("theirs"))

    assert set(await variants.known(manifest(), PLAIN, asked, class_="theirs")) == {"theirs"}


async def test_without_a_cluster_the_charts_classes_are_known() -> None:
    assert set(await variants.known(manifest(), VARIED, None)) == {"chart"}


@pytest.mark.parametrize(
    ("error", "said"),
    [(errors.NotFound("no such kind"), ""), (errors.Forbidden("may not list"), "may not list")],
)
async def test_a_cluster_that_does_not_tell_its_classes_says_so(
    error: errors.ApiError, said: str
) -> None:
    asked, objects = cluster()

    async def refuse(verb: str, kind: kinds.Kind | None) -> None:
        raise error

    objects.before = refuse
    if not said:
        assert await variants.known(manifest(), VARIED, asked) == {}
        return
    with pytest.raises(failing.Refused, match=said) as refused:
        await variants.known(manifest(), VARIED, asked)
    assert refused.value.code == 1
    assert "give --config" in str(refused.value)
