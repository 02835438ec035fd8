"""Shows uv what a base has: for each distribution a wheel of its name and version, else empty.

Without dependencies: whatever the base was made of, it is taken as it is.
"""

from __future__ import annotations

import pathlib
import zipfile
from collections.abc import Mapping


def write(packages: Mapping[str, str], folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Write the wheels into a folder; return the path of each by its distribution's name."""
    return {
        name: _write(name.replace("-", "_").replace(".", "_"), name, version, folder)
        for name, version in packages.items()
    }


def _write(stem: str, name: str, version: str, folder: pathlib.Path) -> pathlib.Path:
    metadata = f"{stem}-{version}.dist-info"
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    path = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for each, text in texts.items():
            wheel.writestr(f"{metadata}/{each}", text)
    return path
