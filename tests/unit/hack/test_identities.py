"""Which logins of a kubeconfig a client takes, and what it sends by them."""

import base64
import json
import pathlib
import ssl
import time
from typing import Any

import httpx
import pytest
import yaml

from hack import apiserver, identities
from trainshed.progress import certificates

CLUSTER = {"server": "https://api.example:6443"}
TOKEN = {"status": {"token": "from-plugin"}}
V1 = "client.authentication.k8s.io/v1"


def headers(
    user: dict[str, Any], folder: pathlib.Path, *, refusals: int = 0, requests: int = 1
) -> list[str]:
    """Return the Authorization of each request that reaches a server that first refuses."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization", ""))
        return httpx.Response(401 if len(seen) <= refusals else 200, json={})

    identity = identities.read(user, cluster=CLUSTER, folder=folder)
    with httpx.Client(transport=httpx.MockTransport(answer), auth=identity.auth) as http:
        for _ in range(requests):
            http.get("https://api.example/readyz")
    return seen


def plugin(folder: pathlib.Path, *says: object, **settings: Any) -> dict[str, Any]:
    """Return a user whose plugin says one thing at a time, and keeps what it was asked."""
    for number, said in enumerate(says):
        (folder / f"say-{number}").write_text(said if isinstance(said, str) else json.dumps(said))
    script = folder / "plugin"
    script.write_text(
        "#!/bin/sh\n"
        f'cd "{folder}"; n=$(ls | grep -c "^asked-"); echo "$KUBERNETES_EXEC_INFO" >"asked-$n"\n'
        'echo "$MODE $*" >arguments; cat "say-$n"\n'
    )
    script.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": "./plugin", **settings}}


def test_a_token_goes_with_each_request(tmp_path: pathlib.Path) -> None:
    assert headers({"token": "t"}, tmp_path, requests=2) == ["Bearer t", "Bearer t"]


def test_a_refused_token_that_stays_the_same_is_not_sent_again(tmp_path: pathlib.Path) -> None:
    assert headers({"token": "t"}, tmp_path, refusals=1) == ["Bearer t"]


def test_a_tokens_file_comes_before_the_token_and_is_read_each_time(tmp_path: pathlib.Path) -> None:
    (tmp_path / "token").write_text("one\n")
    user = {"tokenFile": "token", "token": "old"}
    identity = identities.read(user, cluster=CLUSTER, folder=tmp_path)
    assert isinstance(identity.auth, identities.Bearer)
    (tmp_path / "token").write_text("two\n")
    request = next(identity.auth.auth_flow(httpx.Request("GET", "https://api.example")))
    assert request.headers["Authorization"] == "Bearer two"


def test_a_tokens_file_that_is_gone_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(identities.Unusable, match="token can't be read"):
        headers({"tokenFile": "token"}, tmp_path)


def test_a_plugin_is_asked_once_while_its_token_holds(tmp_path: pathlib.Path) -> None:
    user = plugin(tmp_path, TOKEN, args=["get-token"], env=[{"name": "MODE", "value": "eks"}])
    assert headers(user, tmp_path, requests=2) == ["Bearer from-plugin"] * 2
    assert (tmp_path / "arguments").read_text() == "eks get-token\n"
    asked = json.loads((tmp_path / "asked-0").read_text())
    assert asked == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }


def test_a_plugin_is_asked_again_when_its_time_is_over(tmp_path: pathlib.Path) -> None:
    past = {"status": {"token": "old", "expirationTimestamp": "2001-01-01T00:00:00Z"}}
    assert headers(plugin(tmp_path, past, TOKEN), tmp_path) == ["Bearer from-plugin"]


def test_a_plugin_is_asked_again_when_its_token_is_refused(tmp_path: pathlib.Path) -> None:
    user = plugin(tmp_path, {"status": {"token": "revoked"}}, TOKEN)
    assert headers(user, tmp_path, refusals=1) == ["Bearer revoked", "Bearer from-plugin"]


def test_a_plugin_is_told_the_cluster_where_it_wants_to_know(tmp_path: pathlib.Path) -> None:
    headers(plugin(tmp_path, TOKEN, provideClusterInfo=True), tmp_path)
    asked = json.loads((tmp_path / "asked-0").read_text())
    assert asked["spec"] == {"interactive": False, "cluster": CLUSTER}


BROKEN = {
    "no JSON": (["hello"], "did not write an ExecCredential"),
    "no status": ([{}], "did not write an ExecCredential"),
    "a list": (["[]"], "did not write an ExecCredential"),
    "an empty status": ([{"status": {}}], "neither a token nor a certificate"),
    "an error": ([], "No such file"),
}


@pytest.mark.parametrize(("says", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_plugin_that_fails_says_so_with_its_hint(
    tmp_path: pathlib.Path, says: list[object], sentence: str
) -> None:
    with pytest.raises(identities.Unusable, match=sentence) as caught:
        headers(plugin(tmp_path, *says, installHint="Install it."), tmp_path)
    assert str(caught.value).endswith("\nInstall it.")


def test_a_plugin_that_is_not_installed_says_so(tmp_path: pathlib.Path) -> None:
    user = {"exec": {"apiVersion": V1, "command": "no-such-plugin"}}
    with pytest.raises(identities.Unusable, match="exec plugin no-such-plugin failed"):
        headers(user, tmp_path)


REFUSED: dict[str, dict[str, Any]] = {
    "password, username": {"username": "ann", "password": "x"},
    "auth-provider": {"auth-provider": {"name": "gcp"}},
    "as": {"token": "t", "as": "somebody"},
    "certificate or its key": {"client-certificate-data": "QQ=="},
    "v1alpha1": {"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}},
    "terminal": {"exec": {"apiVersion": V1, "command": "x", "interactiveMode": "Always"}},
}


@pytest.mark.parametrize("named", REFUSED)
def test_another_login_is_refused_and_not_left_out(named: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(identities.Unusable, match=named):
        identities.read(REFUSED[named], cluster=CLUSTER, folder=tmp_path)


def test_nobody_is_nobody_only_where_the_kubeconfig_says_so(tmp_path: pathlib.Path) -> None:
    assert identities.read({"token": ""}, cluster=CLUSTER, folder=tmp_path).auth is None


@pytest.mark.parametrize("way", ["data", "files", "plugin"])
def test_a_certificate_is_presented(way: str, tmp_path: pathlib.Path) -> None:
    made = certificates.create_authority(now=time.time())
    pem, key = made.certificate, made.key
    users: dict[str, dict[str, Any]] = {
        "data": {
            "client-certificate-data": base64.b64encode(pem).decode(),
            "client-key-data": base64.b64encode(key).decode(),
        },
        "files": {"client-certificate": "a.pem", "client-key": "a.key"},
        "plugin": plugin(
            tmp_path,
            {"status": {"clientCertificateData": pem.decode(), "clientKeyData": key.decode()}},
        ),
    }
    (tmp_path / "a.pem").write_bytes(pem)
    (tmp_path / "a.key").write_bytes(key)
    identity = identities.read(users[way], cluster=CLUSTER, folder=tmp_path)
    assert (identity.certificate, identity.key, identity.auth) == (pem, key, None)
    identity.present(ssl.create_default_context())


DOCUMENT: dict[str, Any] = {
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"current-context": ""}, "no context ''"),
        ({"clusters": []}, "no cluster 'c'"),
        ({"users": None}, "no user 'u'"),
    ],
    ids=["context", "cluster", "user"],
)
def test_a_kubeconfig_that_lacks_a_part_says_which(
    change: dict[str, Any], sentence: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({**DOCUMENT, **change}))
    with pytest.raises(identities.Unusable, match=sentence):
        apiserver.ApiServer.from_kubeconfig(path)
