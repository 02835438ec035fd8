"""Layers of made-up bases, as their makers lay Python out."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

GLIBC = b"\x7fELF...GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\n"
Tree = Mapping[str, bytes | str | None]
"""Content of a file, target of a link that begins with ->, or None for a folder."""


def layer(tree: Tree) -> io.BytesIO:
    """Return the tar of a layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in tree.items():
            tar.addfile(*_entry(name, content))
    out.seek(0)
    return out


def _entry(name: str, content: bytes | str | None) -> tuple[tarfile.TarInfo, io.BytesIO]:
    entry = tarfile.TarInfo(name)
    if content is None:
        entry.type = tarfile.DIRTYPE
        return entry, io.BytesIO()
    if isinstance(content, str) and content.startswith(("->", "=>")):
        hard = content.startswith("=>")
        entry.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
        entry.linkname = content[2:]
        return entry, io.BytesIO()
    data = content.encode() if isinstance(content, str) else content
    entry.size = len(data)
    return entry, io.BytesIO(data)


def metadata(name: str, version: str) -> str:
    """Return the headers of a distribution."""
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: of the text\n"


def distribution(site: str, name: str, version: str) -> Tree:
    """Return a distribution's metadata in a folder."""
    return {f"{site}/{name}-{version}.dist-info/METADATA": metadata(name, version)}


DEBIAN: Tree = {
    "bin": "->usr/bin",
    "lib": "->usr/lib",
    "etc/os-release": "->../usr/lib/os-release",
    "usr/lib/os-release": 'PRETTY_NAME="Debian"\nID=debian\n',
    "usr/bin/python3": "->python3.13",
    "usr/bin/python3.13": b"\x7fELF",
    "usr/lib/python3.13/os.py": "",
    "usr/lib/python3/dist-packages": None,
    "usr/lib/x86_64-linux-gnu/libc.so.6": GLIBC,
    **distribution("usr/lib/python3/dist-packages", "torch", "2.6.0+debian"),
    "usr/lib/python3/dist-packages/PyYAML-6.0.2.egg-info/PKG-INFO": metadata("PyYAML", "6.0.2"),
    "usr/lib/python3/dist-packages/six-1.17.0.egg-info": metadata("six", "1.17.0"),
    "usr/lib/python3/dist-packages/odd-1.egg-info": metadata("odd", "1.0~really"),
    "usr/local/lib/python3.13/dist-packages": None,
}
SLIM: Tree = {
    **{k: v for k, v in DEBIAN.items() if not k.startswith(("usr/bin", "usr/lib/python"))},
    "usr/lib/python3/dist-packages": None,
    "usr/local/bin/python3": "->python3.12",
    "usr/local/bin/python3.12": b"\x7fELF",
    "usr/local/lib/python3.12/os.py": "",
    "usr/local/lib/python3.12/site-packages": None,
    **distribution("usr/local/lib/python3.12/site-packages", "pip", "24.0"),
}
VENV: Tree = {
    **DEBIAN,
    "opt/venv/bin/python3": "->python",
    "opt/venv/bin/python": "->/usr/bin/python3.13",
    "opt/venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\n"
    "version = 3.13.5\n",
    "opt/venv/lib/python3.13/site-packages": None,
    **distribution("opt/venv/lib/python3.13/site-packages", "numpy", "2.2.4"),
}
CONDA: Tree = {
    **{k: v for k, v in DEBIAN.items() if not k.startswith(("usr/bin", "usr/lib/python"))},
    "opt/conda/bin/python3.11": b"\x7fELF",
    "opt/conda/bin/python3": "=>opt/conda/bin/python3.11",
    "opt/conda/lib/python3.11/os.py": "",
    "opt/conda/lib/python3.11/site-packages": None,
    "opt/conda/x86_64-conda-linux-gnu/sysroot/lib64/libc.so.6": GLIBC.replace(b"2.41", b"2.17"),
    **distribution("opt/conda/lib/python3.11/site-packages", "pytorch_lightning", "2.5.0"),
}
MUSL: Tree = {
    "lib/ld-musl-x86_64.so.1": b"\x7fELF",
    "usr/bin/python3": "->python3.12",
    "usr/bin/python3.12": b"\x7fELF",
    "usr/lib/python3.12/os.py": "",
    "usr/lib/python3.12/site-packages": None,
    **distribution("usr/lib/python3.12/site-packages", "numpy", "2.1.0"),
}
FEDORA: Tree = {
    "lib64": "->usr/lib64",
    "usr/lib64/libc.so.6": GLIBC.replace(b"2.41", b"2.40"),
    "usr/bin/python3": "->python3.13",
    "usr/bin/python3.13": b"\x7fELF",
    "usr/lib64/python3.13/os.py": "",
    "usr/lib64/python3.13/site-packages": None,
    "usr/lib/python3.13/site-packages": None,
    **distribution("usr/lib64/python3.13/site-packages", "numpy", "2.2.4"),
    **distribution("usr/lib/python3.13/site-packages", "six", "1.16.0"),
}
