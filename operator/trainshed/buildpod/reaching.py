"""How an engine reaches registries: files in its home, and the logins of `image.pullSecrets`."""

from __future__ import annotations

import base64
import binascii
import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any
from urllib import parse

from trainshed.api import reasons
from trainshed.buildpod import failing
from trainshed.builds import dockerfiles
from trainshed.registry import credentials, targets


def settings(target: targets.Target, *, ca_pem: str, without_tls: Iterable[str]) -> dict[str, str]:
    """Return the engines' settings by their path in a home.

    A base of the operator's registry has the name that nodes know it by; a pod may know it by
    another, which is then asked in its place.
    """
    own = _host(target)
    ca = f".config/containers/certs.d/{own}/ca.crt"
    plain = {own} if target.push.startswith("http://") else set()
    plain |= {each.removeprefix("http://") for each in target.others() if "://" in each}
    plain |= set(without_tls)
    hosts = sorted({own, *plain} - ({target.pull} - {own}))
    containers = [_for_containers(each, each, each in plain) for each in hosts]
    buildkit = [_for_buildkit(each, each in plain, ca if ca_pem and each == own else "")
                for each in hosts]  # fmt: skip
    if target.pull != own:
        containers.append(_for_containers(target.pull, own, own in plain))
        buildkit.append(f"[registry.{json.dumps(target.pull)}]\nmirrors = [{json.dumps(own)}]\n")
    known = {
        ".config/containers/registries.conf": 'unqualified-search-registries = ["docker.io"]\n'
        + "".join(containers),
        ".config/buildkit/buildkitd.toml": "".join(buildkit),
    }
    return known | ({ca: ca_pem} if ca_pem else {})


def logins(
    folder: pathlib.Path, target: targets.Target, own: credentials.Login | None = None
) -> dict[str, Any]:
    """Return the logins of pull Secrets, each in a folder of its own; of one host, the first.

    `own`: who the pod is at the registry that images go to, where no Secret says so. Raises
    BuildFailed.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*/.dockerconfigjson"), key=lambda each: int(each.parent.name)):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))["auths"]
            known = {str(host): _login(login) for host, login in told.items()}
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise failing.BuildFailed(
                reasons.BuildReason.SECRET_INVALID,
                f"Secret {path.parent.name} of image.pullSecrets, counted from 0, is none of type"
                " kubernetes.io/dockerconfigjson with logins that can be read: it is tried again;"
                " make it by `kubectl create secret docker-registry`",
                terminal=False,
            ) from error
        found = {**known, **found}
    if target.pull in found:
        found.setdefault(_host(target), found[target.pull])
    if own is not None:
        found.setdefault(_host(target), {"auth": own.basic().removeprefix("Basic ")})
    return found


def _login(told: Mapping[str, Any]) -> dict[str, str]:
    """Return one login as engines read it: they know no separate name and password."""
    if told.get("auth"):
        return {"auth": str(told["auth"])}
    text = f"{told['username']}:{told['password']}"
    return {"auth": base64.b64encode(text.encode()).decode()}


def _for_containers(name: str, host: str, plain: bool) -> str:
    prefix = f"prefix = {json.dumps(name)}\n" if name != host else ""
    location = f"location = {json.dumps(host)}\ninsecure = {json.dumps(plain)}\n"
    return f"[[registry]]\n{prefix}{location}"


def _for_buildkit(host: str, plain: bool, ca: str) -> str:
    found = f"[registry.{json.dumps(host)}]\nhttp = {json.dumps(plain)}\n"
    return found + (f"ca = [{json.dumps(f'{dockerfiles.IMAGE}/home/{ca}')}]\n" if ca else "")


def _host(target: targets.Target) -> str:
    return parse.urlsplit(target.push).netloc
