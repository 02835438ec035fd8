"""Compares the versions of one object."""

from __future__ import annotations


def older(new: str, known: str) -> bool:
    """Return whether a version is older.

    The versions of one object are numbers that grow: Kubernetes says so since 1.35
    (KEP-5504), and every API server on etcd has always kept it.
    """
    if new.isdecimal() and known.isdecimal():
        return int(new) < int(known)
    return False
