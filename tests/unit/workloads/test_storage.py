"""The claims and the cache that the spec brings into the pod."""

from typing import Any

from tests import builders
from tests.unit.workloads import test_pod as pods

EXPORT = {"formats": ["onnx"], "volume": {"claimName": "models"}}
SHOWN = {"volume": {"claimName": "shown"}}
CLIPS = {"path": "/data/clips", "layout": "videos"}


def volume(job: builders.TrainingJobBuilder, name: str) -> dict[str, Any]:
    """Return a volume of a job's pod."""
    volumes: list[dict[str, Any]] = pods.pod_of(job)["spec"]["volumes"]
    return next(each for each in volumes if each["name"] == name)


def mount(job: builders.TrainingJobBuilder, name: str) -> dict[str, Any]:
    """Return where a volume appears in the training container."""
    mounts: list[dict[str, Any]] = pods.trainer(job)["volumeMounts"]
    return next(each for each in mounts if each["name"] == name)


def names(job: builders.TrainingJobBuilder) -> set[str]:
    """Return the names of a pod's volumes."""
    return {each["name"] for each in pods.pod_of(job)["spec"]["volumes"]}


def test_a_claim_with_data_is_only_read() -> None:
    job = builders.training_job().data(folder=CLIPS, volume={"claimName": "clips"})

    assert volume(job, "trainshed-data")["persistentVolumeClaim"] == {
        "claimName": "clips",
        "readOnly": True,
    }
    assert mount(job, "trainshed-data") == {
        "name": "trainshed-data",
        "mountPath": "/data",
        "readOnly": True,
    }


def test_a_claim_with_data_may_be_written_where_it_is_said() -> None:
    claim = {"claimName": "clips", "readOnly": False}
    job = builders.training_job().script().spec(data={"volume": claim})

    assert volume(job, "trainshed-data")["persistentVolumeClaim"] == {"claimName": "clips"}
    assert mount(job, "trainshed-data") == {"name": "trainshed-data", "mountPath": "/data"}


def test_a_folder_may_be_on_a_volume_of_the_pod() -> None:
    scratch = {"volumes": [{"name": "own", "emptyDir": {}}]}
    job = builders.training_job().data(folder={"path": "/own/clips"}).spec(pod=scratch)

    assert "trainshed-data" not in names(job)


def test_object_storage_is_kept_on_the_nodes_disk() -> None:
    job = builders.training_job().data(
        uri="s3://bucket/clips", layout="npz", cacheBytes="10Gi", secretRef={"name": "keys"}
    )

    # The library counts as the kubelet does: what it takes is below the kubelet's limit.
    assert volume(job, "trainshed-cache")["emptyDir"] == {"sizeLimit": str(11 * 2**30)}
    assert mount(job, "trainshed-cache")["mountPath"] == "/cache"
    assert pods.variables(job)["TRAINSHED_CACHE_DIR"] == "/cache"
    assert pods.trainer(job)["envFrom"] == [{"secretRef": {"name": "keys"}}]


def test_a_cache_without_a_limit_has_none() -> None:
    job = builders.training_job().data(uri="s3://bucket/clips", layout="npz")

    assert volume(job, "trainshed-cache")["emptyDir"] == {}
    assert "envFrom" not in pods.trainer(job)


def test_checkpoints_of_each_job_have_a_folder_of_their_own() -> None:
    job = builders.training_job().script().spec(checkpoint={"volume": {"claimName": "kept"}})

    assert volume(job, "trainshed-checkpoints")["persistentVolumeClaim"] == {"claimName": "kept"}
    assert mount(job, "trainshed-checkpoints")["mountPath"] == "/checkpoints"
    assert pods.variables(job)["TRAINSHED_CHECKPOINT_DIR"] == "/checkpoints/default/gestures"


def test_checkpoints_may_be_in_object_storage() -> None:
    place = {"uri": "s3://bucket/kept", "secretRef": {"name": "keys"}}
    job = builders.training_job().cnn().spec(checkpoint=place)

    assert "trainshed-checkpoints" not in names(job)
    assert pods.variables(job)["TRAINSHED_CHECKPOINT_DIR"] == "s3://bucket/kept/default/gestures"
    assert pods.trainer(job)["envFrom"] == [{"secretRef": {"name": "keys"}}]


def test_exports_and_what_is_shown_have_a_folder_of_the_job() -> None:
    job = builders.training_job().cnn().spec(export=EXPORT, visualization=SHOWN)

    assert volume(job, "trainshed-exports")["persistentVolumeClaim"] == {"claimName": "models"}
    assert mount(job, "trainshed-exports")["mountPath"] == "/exports"
    assert mount(job, "trainshed-artifacts")["mountPath"] == "/artifacts"
    assert pods.variables(job)["TRAINSHED_EXPORT_DIR"] == "/exports/default/gestures"
    assert pods.variables(job)["TRAINSHED_ARTIFACTS_DIR"] == "/artifacts/default/gestures"


def test_one_claim_may_be_for_all() -> None:
    kept = {"volume": {"claimName": "all"}}
    job = builders.training_job().data(folder=CLIPS, volume={"claimName": "all"})
    job = job.spec(checkpoint=kept, export={**EXPORT, **kept}, visualization=kept)

    own = names(job) - OWN
    mounts = [each for each in pods.trainer(job)["volumeMounts"] if each["name"] in own]

    # One volume: of two with one claim the kubelet mounts both read-only where one is.
    assert own == {"trainshed-data"}
    assert volume(job, "trainshed-data")["persistentVolumeClaim"] == {"claimName": "all"}
    assert [(each["mountPath"], each.get("readOnly", False)) for each in mounts] == [
        ("/data", True),
        ("/checkpoints", False),
        ("/exports", False),
        ("/artifacts", False),
    ]


def test_one_secret_may_be_for_both() -> None:
    keys = {"secretRef": {"name": "keys"}}
    job = builders.training_job().data(uri="s3://bucket/clips", layout="npz", **keys)
    job = job.spec(checkpoint={"uri": "s3://bucket/kept", **keys}, pod={"envFrom": [keys]})

    # The user's own come last, so that they win.
    assert pods.trainer(job)["envFrom"] == [keys, keys]


def test_volumes_belong_to_the_group_of_the_pod() -> None:
    job = builders.training_job().cnn().spec(checkpoint={"volume": {"claimName": "kept"}})
    security = pods.pod_of(job)["spec"]["securityContext"]

    assert (security["fsGroup"], security["fsGroupChangePolicy"]) == (1000, "OnRootMismatch")


def test_a_job_that_asks_for_nothing_has_nothing() -> None:
    job = builders.training_job().cnn()

    assert not {each for each in names(job) if each not in OWN}
    assert not {each for each in pods.variables(job) if each.endswith("_DIR")}


OWN = {"trainshed-files", "trainshed-token", "trainshed-tmp"}
