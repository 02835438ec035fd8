"""A Connection to kmock, by way of a kubeconfig as a person would have it."""

from __future__ import annotations

import pathlib

import yaml

from trainshed.kube import login


async def connect(url: object, folder: pathlib.Path) -> login.Connection:
    """Log in with the token in `folder`/token."""
    token = folder / "token"
    if not token.exists():
        token.write_text("first")
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "kmock",
        "contexts": [{"name": "kmock", "context": {"cluster": "kmock", "user": "kmock"}}],
        "clusters": [{"name": "kmock", "cluster": {"server": str(url).rstrip("/")}}],
        "users": [{"name": "kmock", "user": {"tokenFile": str(token)}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return await login.login(kubeconfig=str(path))
