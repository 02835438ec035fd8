"""The operator's own certificate authority, kept in a Secret of its namespace.

All replicas and all later processes share it: its certificate is in the pods of running jobs.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from trainshed.api import labels
from trainshed.progress import certificates, stores

MIN_REMAINING = 90 * 86400.0
"""An authority with less than this to live is replaced: a job may run for weeks."""
ATTEMPTS = 5
COMMON = "trainshed progress"


class AuthorityUnusable(Exception):
    """The Secret holds no authority. The message names the Secret and says what to do."""


async def ensure(
    store: stores.Store, *, name: str, namespace: str, now: float, common: str = COMMON
) -> certificates.KeyPair:
    """Return the authority, created where there is none and replaced before it expires.

    `common`: the common name of a new one.
    """
    for _ in range(ATTEMPTS):
        found = await store.get(name)
        if found is None:
            fresh = certificates.create_authority(now=now, name=common)
            if await store.create(render(fresh, name=name, namespace=namespace)) is not None:
                return fresh
            continue  # Another replica was faster: read its Secret.
        authority = _read(found, name=name, namespace=namespace)
        if authority.expires - now >= MIN_REMAINING:
            return authority
        fresh = certificates.create_authority(now=now, name=common)
        body = render(fresh, name=name, namespace=namespace)
        body["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        if await store.replace(body) is not None:
            return fresh
    raise AuthorityUnusable(f"Secret {namespace}/{name} changes all the time: see who writes it")


def render(authority: certificates.KeyPair, *, name: str, namespace: str) -> dict[str, Any]:
    """Return the Secret that keeps an authority."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {labels.APP_NAME: labels.MANAGER, labels.APP_COMPONENT: "operator"},
        },
        "type": "kubernetes.io/tls",
        "data": {
            "tls.crt": base64.b64encode(authority.certificate).decode("ascii"),
            "tls.key": base64.b64encode(authority.key).decode("ascii"),
        },
    }


def _read(secret: stores.Body, *, name: str, namespace: str) -> certificates.KeyPair:
    data = secret.get("data") or {}
    try:
        certificate = base64.b64decode(data["tls.crt"], validate=True)
        key = base64.b64decode(data["tls.key"], validate=True)
        return certificates.read_authority(certificate, key)
    except (KeyError, TypeError, binascii.Error, certificates.Unusable) as error:
        cause = error if isinstance(error, certificates.Unusable) else "tls.crt or tls.key is bad"
        raise AuthorityUnusable(
            f"Secret {namespace}/{name} can't sign: {cause}; delete it, and the operator makes"
            " a new one when it starts"
        ) from error
