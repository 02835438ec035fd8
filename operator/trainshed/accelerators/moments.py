"""Which taints pass by themselves, as nodes come and go. All others are part of what a node is."""

from __future__ import annotations

_TOLD = "node.kubernetes.io/"
"""Taints by this prefix say what a condition or a cordon says too (Kubernetes, node taints)."""
_PREFIXES = (
    # A cloud's controller has not seen the node yet, or it is shut down (Kubernetes, cloud
    # controller manager).
    "node.cloudprovider.kubernetes.io/",
    # Karpenter, concepts/disruption and nodepools: disrupted, disruption, unregistered.
    "karpenter.sh/",
)
_SUFFIX = "/agent-not-ready"
"""So Cilium (installation, taint effects) and CSI drivers (those of EBS and EFS: node startup
taint) call the taint that they remove once they run."""
_KEYS = frozenset(
    {
        # The cluster autoscaler's, while it drains a node (utils/taints).
        "ToBeDeletedByClusterAutoscaler",
        # Cluster API's, until it has labelled the node (bootstrap contract).
        "node.cluster.x-k8s.io/uninitialized",
        # GKE's, before it takes a spot node or one with GPUs (graceful node shutdown).
        "cloud.google.com/impending-node-termination",
    }
)


def passes(key: str) -> bool:
    """Return whether a taint is of a moment: no job is refused for it."""
    return key.startswith(_TOLD) or untold(key)


def untold(key: str) -> bool:
    """Return whether it is, and no condition of the node says the same."""
    return key.startswith(_PREFIXES) or key.endswith(_SUFFIX) or key in _KEYS
