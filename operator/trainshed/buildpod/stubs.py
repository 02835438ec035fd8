"""Shows uv what a base has: for each distribution a wheel of its name and version, else empty.

Without dependencies: whatever the base was made of, it is taken as it is.
"""

from __future__ import annotations

import pathlib
import zipfile
from collections.abc import Mapping


def write(packages: Mapping[str, str], folder: pathlib.Path) -> None:
    """Write the wheels into a folder."""
    for name, version in packages.items():
        _write(name.replace("-", "_").replace(".", "_"), name, version, folder)


def _write(stem: str, name: str, version: str, folder: pathlib.Path) -> None:
    metadata = f"{stem}-{version}.dist-info"
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{stem}-{version}-py3-none-any.whl", "w") as wheel:
        for each, text in texts.items():
            wheel.writestr(f"{metadata}/{each}", text)
