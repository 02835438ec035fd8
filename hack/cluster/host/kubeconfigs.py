"""kubeconfig files: one for a person and one for each component, all of one shape."""

from __future__ import annotations

import base64
import pathlib

from hack.cluster import documents
from hack.cluster.host import plan


def render(*, server: str, name: str, pki: pathlib.Path, identity: str) -> documents.Document:
    """Return a kubeconfig with the certificates inside, so that the file alone is enough."""

    def data(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode("ascii")

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": data("ca.crt")},
            }
        ],
        "users": [
            {
                "name": identity,
                "user": {
                    "client-certificate-data": data(f"{identity}.crt"),
                    "client-key-data": data(f"{identity}.key"),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": identity}}],
        "current-context": name,
    }


def write(path: pathlib.Path, document: documents.Document) -> pathlib.Path:
    """Write the kubeconfig for its owner alone: it holds a private key."""
    return documents.write(path, documents.dump(document), mode=0o600)


def component(planned: plan.Plan, identity: str) -> pathlib.Path:
    """Write a component's kubeconfig, and return its path."""
    cluster = planned.cluster
    document = render(server=planned.server, name=cluster.name, pki=cluster.pki, identity=identity)
    return write(cluster.config / f"{identity}.kubeconfig", document)


def person(planned: plan.Plan) -> pathlib.Path:
    """Write the kubeconfig of whoever sits at this machine; its server is on loopback."""
    cluster = planned.cluster
    server = f"https://127.0.0.1:{planned.ports['apiserver']}"
    document = render(server=server, name=cluster.name, pki=cluster.pki, identity="admin")
    return write(cluster.kubeconfig, document)
