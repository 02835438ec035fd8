"""Tells the operator of an image at once: the kubelet sees a container's end a second later.

Nothing depends on it: whoever is not told reads the same in the pod's termination message.
"""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Callable, Mapping

import httpx

from trainshed.builds import pods
from trainshed.registry import issuing

SECONDS = 2.0
"""Of each wait on the network: where a policy lets nothing through, a build ends so much later."""
_OWN = issuing.reading(pathlib.Path(pods.OPERATOR_TOKEN) / "token")
log = logging.getLogger("trainshed.buildpod")


async def tell(
    given: Mapping[str, str],
    words: str,
    *,
    token: Callable[[], str] = _OWN,
    seconds: float = SECONDS,
) -> None:
    """Send a pod's last words to where its settings say; never raises for what fails there.

    `token` reads the pod's own; raises OSError.
    """
    try:
        own = token().strip()
        trust = issuing.trusting(given["ca"])
        async with httpx.AsyncClient(verify=trust, trust_env=False, timeout=seconds) as http:
            headers = {"Authorization": f"Bearer {own}", "Content-Type": "application/json"}
            answer = await http.post(given["url"], content=words.encode(), headers=headers)
    except (OSError, ValueError, httpx.HTTPError) as error:
        # An SSLError is an OSError.
        why = type(error).__name__
    else:
        why = "" if answer.is_success else f"it answers {answer.status_code}"
    if why:
        log.info("the operator is not told at once (%s): it is once this pod has ended", why)
    else:
        log.info("the operator is told")
