import pathlib

import pytest
import yaml

from trainshed.kube import errors, login


def kubeconfig(folder: pathlib.Path, *, cluster: object = None, user: object = None) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}},
            {"name": "two", "context": {"cluster": "other", "user": "u"}},
        ],
        "clusters": [
            {"name": "c", "cluster": cluster or {"server": "http://127.0.0.1:1"}},
            {"name": "other", "cluster": {"server": "http://127.0.0.1:2/prefix/"}},
        ],
        "users": [{"name": "u", "user": user or {"token": "secret"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return str(path)


async def test_the_current_context_is_used(tmp_path: pathlib.Path) -> None:
    connection = await login.login(kubeconfig=kubeconfig(tmp_path))
    assert (connection.server, connection.namespace) == ("http://127.0.0.1:1", "team-a")


async def test_a_context_can_be_named(tmp_path: pathlib.Path) -> None:
    connection = await login.login(kubeconfig=kubeconfig(tmp_path), context="two")
    assert (connection.server, connection.namespace) == ("http://127.0.0.1:2/prefix", "default")


async def test_an_unknown_context_is_refused_in_words(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unauthorized, match="three"):
        await login.login(kubeconfig=kubeconfig(tmp_path), context="three")


async def test_a_missing_file_is_refused_in_words(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.Unauthorized, match="credentials can't be read"):
        await login.login(kubeconfig=str(tmp_path / "absent"))


async def test_outside_a_pod_a_kubeconfig_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(errors.Unauthorized, match="credentials can't be read"):
        await login.login()


async def test_a_tls_server_name_is_refused_in_words(tmp_path: pathlib.Path) -> None:
    cluster = {"server": "https://127.0.0.1:1", "tls-server-name": "other"}
    with pytest.raises(errors.Unauthorized, match="tls-server-name"):
        await login.login(kubeconfig=kubeconfig(tmp_path, cluster=cluster))


async def test_a_rotated_token_file_is_read_again(tmp_path: pathlib.Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    connection = await login.login(kubeconfig=kubeconfig(tmp_path, user={"tokenFile": str(token)}))
    assert connection.credentials is not None
    token.write_text("second")
    assert await connection.credentials.header() == "Bearer first"
    await connection.credentials.refresh()
    assert await connection.credentials.header() == "Bearer second"


async def test_secrets_are_not_printed(tmp_path: pathlib.Path) -> None:
    connection = await login.login(kubeconfig=kubeconfig(tmp_path))
    assert "secret" not in repr(connection)
