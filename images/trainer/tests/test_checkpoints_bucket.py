"""Checkpoints in a real S3-compatible bucket, and what is said where it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from images.trainer.tests import buckets, datasets
from trainshed_trainer import errors, schema, storages
from trainshed_trainer.training import checkpoints
from trainshed_trainer.training.checkpoints import stores

pytestmark = pytest.mark.numpy
s3fs = pytest.importorskip("s3fs", reason="no s3fs here: `make test-data` has it")
PLACE = f"s3://{buckets.NAME}/kept/run"
STATE = {"model": b"weights" * 100, "optimizer": b"moments"}

bucket = pytest.fixture(scope="module")(buckets.served)


@pytest.fixture(autouse=True)
def afresh(bucket: Any) -> Iterator[None]:
    """Have each test make its client: one is kept, with the credentials that it began with."""
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()
    bucket.objects.all().delete()


def keeper(place: str = PLACE, **asked: Any) -> checkpoints.Keeper:
    spec = schema.read({"checkpoint": asked})
    assert spec.checkpoint is not None
    identity = checkpoints.identify(spec, datasets.images())
    return checkpoints.open(spec.checkpoint, place, identity, writes=True)


def written(*steps: int, **asked: Any) -> None:
    with keeper(**asked) as keeping:
        for step in steps:
            keeping.save(step, STATE, seconds=step / 10)


def refused(place: str = PLACE, **asked: Any) -> errors.TrainerError:
    with pytest.raises(errors.TrainerError) as raised, keeper(place, **asked) as keeping:
        keeping.resume()
    return raised.value


def unreadable(**asked: Any) -> errors.TrainerError:
    with pytest.raises(errors.TrainerError) as raised:
        keeper(**asked).resume()
    return raised.value


def test_a_run_goes_on_from_the_last_of_those_that_stay(bucket: Any) -> None:
    written(3, 7, 12, keep=2)

    assert keeper().resume() == checkpoints.Resumed(12, 1.2, STATE)
    assert {each.key.split("/")[2] for each in bucket.objects.filter(Prefix="kept/run/")} == {
        "step-00000007",
        "step-00000012",
    }


def test_google_storage_is_written_by_what_it_knows_of_the_same_protocol(bucket: Any) -> None:
    storage, _ = storages.at("gs://sets")
    storage.connect()
    sent: list[Any] = []
    # What is returned would take the place of the answer.
    storage.s3.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))
    store = stores.at("gs://sets/kept/google")
    store.prepare()
    for step in (3, 7):
        store.write(step, {"model": b"weights", "meta.json": b"{}"})
    store.remove(3)

    assert store.steps() == [7]
    assert {each.key.split("/")[2] for each in bucket.objects.all()} == {"step-00000007"}
    assert {each.method for each in sent} == {"PUT", "GET", "DELETE"}, "no POST: none of many"
    named = {name.lower() for each in sent for name in each.headers}
    assert not [each for each in named if "checksum" in each]


def test_a_bucket_without_checkpoints_is_begun_in() -> None:
    with keeper() as keeping:
        assert keeping.resume() is None


def test_a_bucket_that_is_misspelt_is_named_and_not_created(bucket: Any) -> None:
    error = refused("s3://misspelt/kept")

    assert (error.reason, error.failure_class) == ("CheckpointNotWritable", "Data")
    assert "s3://misspelt/kept" in str(error)
    assert "see that its bucket is there" in str(error)
    assert "fsGroup" not in str(error)
    assert [each["Name"] for each in bucket.meta.client.list_buckets()["Buckets"]] == ["sets"]


def test_without_credentials_the_secret_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # Where neither files nor a cloud's own server of credentials have any.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    written, read = refused(), unreadable()

    assert (written.reason, read.reason) == ("CheckpointNotWritable", "CheckpointUnreadable")
    for error in (written, read):
        assert "NoCredentialsError" in str(error)
        assert "checkpoint.secretRef gives credentials" in str(error)


def test_an_endpoint_that_nobody_answers_at_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    written, read = refused(), unreadable()

    assert (written.reason, read.reason) == ("CheckpointNotWritable", "CheckpointUnreadable")
    assert "http://127.0.0.1:9" in str(written)
    assert "AWS_ENDPOINT_URL" in str(read)


def test_a_bucket_that_refuses_to_be_listed_is_not_taken_for_an_empty_one(bucket: Any) -> None:
    written(7)
    with buckets.locked():
        own = unreadable()
        other = unreadable(**{"from": PLACE, "resume": "never"})

    for error in (own, other):
        assert error.reason == "CheckpointUnreadable"
        assert "credentials that may read there" in str(error)
    assert keeper().resume() is not None, "what was locked is whole"


def test_another_runs_place_that_is_misspelt_is_named() -> None:
    error = unreadable(**{"from": "s3://misspelt/kept"})

    assert error.reason == "CheckpointNotFound"
    assert "name another place in checkpoint.from" in str(error)
