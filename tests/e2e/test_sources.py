"""Code on claims and in artifacts, bases elsewhere, images that go elsewhere: a real kubelet."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from hack import apiserver
from hack.cluster import registries, settings
from hack.cluster.host import node
from tests.e2e import conftest, secrecy, volumes
from tests.e2e import judges as judging
from tests.unit.registry import images

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
pytestmark = pytest.mark.usefixtures("judged")
REASON_SECONDS = 60.0
LOGIN = registries.Credentials("ann", "hunter2-secret")
AUTH = base64.b64encode(f"{LOGIN.user}:{LOGIN.password}".encode()).decode()


@pytest.fixture
def elsewhere(info: conftest.Body, tmp_path: pathlib.Path) -> Iterator[str]:
    """Run a registry with a login that the operator may not call; return its address."""
    address = f"{info['registry']['pull'].partition(':')[0]}:5003"
    with registries.started(tmp_path / "elsewhere", address=address, credentials=LOGIN):
        yield address


def push(address: str, image: images.Image, name: str, *, login: bool = True) -> str:
    """Push an artifact; return its reference by tag."""
    auth = (LOGIN.user, LOGIN.password) if login else None
    url = f"http://{address}/v2/{name}"
    with httpx.Client(auth=auth, trust_env=False, timeout=30) as http:
        for digest, blob in image.blobs.items():
            place = http.post(f"{url}/blobs/uploads/").raise_for_status().headers["Location"]
            there = httpx.URL(url).join(place).copy_merge_params({"digest": digest})
            http.put(there, content=blob).raise_for_status()
        headers = {"Content-Type": image.media_type}
        put = http.put(f"{url}/manifests/1", content=image.manifest, headers=headers)
        put.raise_for_status()
    return f"{address}/{name}:1"


def copy(source: str, address: str, name: str) -> str:
    """Copy an image of the cluster's registry, the whole of it, to one elsewhere."""
    host, _, rest = source.partition("/")
    repository, _, digest = rest.partition("@")
    with httpx.Client(
        trust_env=False, timeout=60, base_url=f"http://{host}/v2/{repository}/"
    ) as http:
        answer = http.get(f"manifests/{digest}", headers={"Accept": _MANIFESTS}).raise_for_status()
        document = answer.json()
        listed = (document["config"], *document["layers"])
        blobs = {each["digest"]: http.get(f"blobs/{each['digest']}").content for each in listed}
    return push(address, images.Image(document["mediaType"], answer.content, blobs), name)


_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json,"
    " application/vnd.docker.distribution.manifest.v2+json"
)


def secret(namespace: conftest.Namespace, name: str, address: str) -> None:
    """Create the Secret that opens the registry elsewhere."""
    config = json.dumps({"auths": {address: {"auth": AUTH}}})
    namespace.api.create(
        f"/api/v1/namespaces/{namespace.name}/secrets",
        {
            "metadata": {"name": name},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": config},
        },
    )


def job(**source: Any) -> conftest.Body:
    return {"framework": "pytorch", "source": source}


def said(namespace: conftest.Namespace, name: str) -> str:
    """Return what the pods of a job have printed."""
    chosen = {"labelSelector": f"trainshed.dev/job={name}"}
    pods = namespace.api.get(namespace.pods, **chosen)["items"]
    logs = [f"{namespace.pods}/{each['metadata']['name']}/log" for each in pods]
    return "".join(namespace.api.http.get(each).text for each in logs)


def builds(namespace: conftest.Namespace) -> list[conftest.Body]:
    """Return the build Jobs of a namespace."""
    chosen = {"labelSelector": "trainshed.dev/component=builder"}
    found: list[conftest.Body] = namespace.api.get(namespace.workloads, **chosen)["items"]
    return found


def test_code_on_a_claim_is_packed_anew_for_each_job(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    example = yaml.safe_load((EXAMPLES / "claim-source.yaml").read_text(encoding="utf-8"))
    with volumes.claim(namespace, info, "notebooks") as folder:
        jobs = folder / "gestures"
        (jobs / "data").mkdir(parents=True)
        (jobs / "data/clips.bin").write_bytes(bytes(100_000))
        refs = []
        for name in ("first", "second"):
            (jobs / "train.py").write_text(f"import os\nprint('it runs: {name}', os.listdir())")
            namespace.apply(name, example["spec"])
            status = namespace.finished(name)
            assert status["phase"] == "Succeeded", status
            assert f"it runs: {name} ['train.py']" in said(namespace, name)
            refs.append(status["image"]["ref"])
        owner = (jobs / "train.py").stat()
    assert len(set(refs)) == 2
    assert owner.st_gid == 0, "the kubelet gave a claim that is only read to the build pod's group"


def test_what_is_on_a_claim_and_must_not_be_packed_is_named(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "code") as folder:
        for name in ("leak", "large", "locked"):
            (folder / name).mkdir()
            (folder / name / "train.py").write_text("print(1)")
        (folder / "leak/key").symlink_to("/etc/trainshed")
        (folder / "large/data.bin").write_bytes(bytes(5000))
        (folder / "locked/train.py").chmod(0)
        for name in ("leak", "large", "locked", "absent"):
            claim = {"claimName": "code", "path": name}
            namespace.apply(name, job(claim=claim, maxBytes="2Ki"))
        expected = {
            "leak": ("SourceInvalid", "'key' is a link out of the source"),
            "large": ("SourceTooLarge", "'data.bin' (5000 bytes)"),
            "locked": ("SourceUnreadable", "'train.py' may not be read by user 65532"),
            "absent": ("SourcePathNotFound", "claim code has no folder 'absent'"),
        }
        for name, (reason, words) in expected.items():
            assert words in namespace.told(name, "Failed", reason, seconds=REASON_SECONDS)


def test_a_claim_that_is_not_there_is_named(namespace: conftest.Namespace) -> None:
    namespace.apply("missing", job(claim={"claimName": "absent-claim"}))
    message = namespace.told("missing", "ImageReady", "BuildPodWaiting", seconds=REASON_SECONDS)
    assert "absent-claim" in message


def test_code_in_an_artifact_is_pulled_by_its_secret_and_a_digest_is_built_once(
    namespace: conftest.Namespace, info: conftest.Body, elsewhere: str
) -> None:
    code = images.artifact({"train.py": b"import lib\nprint(lib.A)", "lib.py": b"A = 'it runs'"})
    tag = push(elsewhere, code, "team/code")
    secret(namespace, "pull", elsewhere)
    oci = {"ref": tag, "pullSecret": {"name": "pull"}}
    namespace.apply("tag", job(oci=oci))
    namespace.apply("nobody", job(oci={"ref": tag}))
    status = namespace.finished("tag")
    assert status["phase"] == "Succeeded", status
    assert status["image"]["sourceRevision"] == code.digest
    assert "it runs" in said(namespace, "tag")
    refused = namespace.told("nobody", "Failed", "SourceUnauthorized", seconds=REASON_SECONDS)
    assert "oci.pullSecret" in refused

    by_digest = {**oci, "ref": f"{tag.rpartition(':')[0]}@{code.digest}"}
    namespace.apply("digest", job(oci=by_digest))
    assert namespace.finished("digest")["image"]["ref"] == status["image"]["ref"]
    before = len(builds(namespace))
    namespace.apply("again", job(oci=by_digest))
    again = namespace.finished("again")["image"]
    assert (again["ref"], again["cacheHit"]) == (status["image"]["ref"], True)
    assert len(builds(namespace)) == before
    secrecy.check(namespace, info, LOGIN.password, AUTH, shown="it runs")


def test_artifacts_that_are_hostile_or_absent(
    namespace: conftest.Namespace, elsewhere: str
) -> None:
    secret(namespace, "pull", elsewhere)
    hostile = push(elsewhere, images.artifact({"../train.py": b"1"}), "team/hostile")
    other = push(elsewhere, images.artifact({}, (b"{}", "application/json")), "team/other")
    refs = {"hostile": hostile, "other": other, "absent": f"{elsewhere}/team/absent:1"}
    for name, ref in refs.items():
        namespace.apply(name, job(oci={"ref": ref, "pullSecret": {"name": "pull"}}))
    foreign = f"{elsewhere}/trainshed/ns/somebody/code:1"
    namespace.apply("foreign", job(oci={"ref": foreign}))
    expected = {
        "hostile": ("SourceInvalid", "'../train.py' is no plain relative path"),
        "other": ("SourceInvalid", "neither a tar nor a file with a name"),
        "absent": ("SourceNotFound", "there is no artifact"),
        "foreign": ("SourceNotAllowed", "is of namespace somebody"),
    }
    for name, (reason, words) in expected.items():
        assert words in namespace.told(name, "Failed", reason, seconds=REASON_SECONDS)


@pytest.fixture
def small(api: apiserver.ApiServer) -> str:
    """Return a small image with Python, by digest: the operator's own."""
    operator = "/apis/apps/v1/namespaces/trainshed-system/deployments/trainshed-operator"
    (container,) = api.get(operator)["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def custom(text: str, **image: Any) -> conftest.Body:
    """Return the spec of a script on any base."""
    return {**conftest.script(text), "framework": "custom", "image": image}


def test_a_base_elsewhere_is_read_by_the_jobs_own_secret(
    namespace: conftest.Namespace, info: conftest.Body, elsewhere: str, small: str
) -> None:
    secret(namespace, "login", elsewhere)
    base = copy(small, elsewhere, "team/base")

    namespace.apply("base", custom("print('it runs')", base=base, pushSecret={"name": "login"}))
    namespace.apply("nobody", custom("print(1)", base=base))

    status = namespace.finished("base")
    assert status["phase"] == "Succeeded", status
    assert "it runs" in said(namespace, "base")
    assert status["image"]["baseDigest"] == small.partition("@")[2]
    assert not status["image"]["ref"].startswith(elsewhere)
    told = namespace.told("nobody", "ImageReady", "RegistryUnauthorized", seconds=REASON_SECONDS)
    assert "image.pushSecret" in told
    secrecy.check(namespace, info, LOGIN.password, AUTH, shown="it runs")


def test_an_image_goes_to_a_repository_elsewhere_and_is_pulled_from_it(
    namespace: conftest.Namespace,
    info: conftest.Body,
    elsewhere: str,
    small: str,
    judges: judging.Judges,
    tmp_path: pathlib.Path,
) -> None:
    state = pathlib.Path(info["state"])
    cluster = settings.Settings(name=info["context"], state=state, cache=state)
    node.trust_registry(cluster, host=elsewhere)
    secret(namespace, "login", elsewhere)
    login, wanted = {"name": "login"}, f"{elsewhere}/team/images"
    image = {"base": small, "repository": wanted, "pushSecret": login, "pullSecrets": [login]}

    namespace.apply("going", custom("print('it is there')", **image))

    status = namespace.finished("going")
    assert status["phase"] == "Succeeded", status
    assert status["image"]["ref"].startswith(f"{wanted}@sha256:")
    assert "it is there" in said(namespace, "going")
    judges.read(status["image"]["ref"], login=judging.login(tmp_path, elsewhere, AUTH))
    known = {elsewhere: (LOGIN.user, LOGIN.password)}
    secrecy.check(namespace, info, LOGIN.password, AUTH, shown="it is there", logins=known)


def test_a_registry_elsewhere_that_can_not_be_reached_is_told(
    namespace: conftest.Namespace,
) -> None:
    base = {"base": "registry.example.invalid/some/base:1"}
    namespace.apply("base", conftest.script("print(1)", image=base))
    message = namespace.told("base", "ImageReady", "RegistryUnavailable", seconds=REASON_SECONDS)
    assert "registry.example.invalid" in message


def test_a_repository_of_another_namespace_is_refused(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    named = {"repository": f"{info['registry']['pull']}/trainshed/ns/somebody"}
    namespace.apply("foreign", conftest.script("print(1)", image=named))
    message = namespace.told("foreign", "Failed", "RepositoryNotAllowed", seconds=REASON_SECONDS)
    assert "is of namespace somebody" in message
