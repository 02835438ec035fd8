"""The image that stands in for a public Debian image: made here by debootstrap.

It holds Python and certificate authorities, and what this machine needs to fetch packages.
"""

from __future__ import annotations

import os
import pathlib
import shutil

from hack.images import catalogue, errors, machine, packages, programs

SUITE = "trixie"
REF = f"localhost/trainshed/rootfs:{catalogue.TAG}"
_INCLUDED = "ca-certificates,python3"
_DOCKERFILE = 'FROM scratch\nADD rootfs.tar /\nCMD ["python3"]\n'
# What debootstrap leaves behind, and documents that nobody reads in a container.
_SURPLUS = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/log",
)
# Changed with what `make` does.
_VERSION = "2"


def possible() -> bool:
    """Tell whether this machine can make one: as root, on a Debian."""
    tools = packages.program("debootstrap") or shutil.which("apt-get")
    return os.geteuid() == 0 and tools is not None


def inputs(carried: machine.Machine) -> str:
    """Return the hash of all that the image is made of."""
    parts = [_VERSION, SUITE, _INCLUDED, *_SURPLUS, carried.mirror, carried.security or ""]
    return catalogue.digest([*parts, carried.apt, carried.pip, carried.uv, *carried.authorities])


def make(
    folder: pathlib.Path,
    carried: machine.Machine,
    *,
    run: programs.Runner,
    log: pathlib.Path,
    on_line: programs.OnLine,
) -> pathlib.Path:
    """Fill the folder with a Dockerfile and the file system that it adds; return the former."""
    packages.ensure({"debootstrap": "debootstrap"}, run=run)
    tree = folder / "tree"
    remove(folder)
    # Public Debian images say the same: a file system that is thrown away needs no syncing.
    _write(tree / "etc/dpkg/dpkg.cfg.d/container", "force-unsafe-io\n")
    _write(tree / "etc/apt/apt.conf.d/80container", 'Acquire::Languages "none";\n')

    def logged(*argv: str) -> None:
        run.logged(argv, log=log, on_line=on_line)

    logged(*_debootstrap(tree, carried.mirror))
    carry(tree, carried)
    logged("chroot", str(tree), "update-ca-certificates")
    slim(tree)
    archive = folder / "rootfs.tar"
    # /dev is the container runtime's to fill, and the build's inputs need no time of day.
    tar = ("tar", "--create", "--sort=name", "--numeric-owner", "--exclude=./dev/*")
    logged(*tar, "--file", str(archive), "--directory", str(tree), ".")
    shutil.rmtree(tree)
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(_DOCKERFILE, "ascii")
    return dockerfile


def remove(folder: pathlib.Path) -> None:
    """Remove what an earlier run left."""
    if folder.exists():
        shutil.rmtree(folder)


def carry(tree: pathlib.Path, carried: machine.Machine) -> None:
    """Write the machine's settings into the file system."""
    sources = [f"deb {carried.mirror} {SUITE} main", f"deb {carried.mirror} {SUITE}-updates main"]
    if carried.security:
        sources.append(f"deb {carried.security} {SUITE}-security main")
    _write(tree / "etc/apt/sources.list", "".join(f"{line}\n" for line in sources))
    _write(tree / "etc/apt/apt.conf.d/90machine", carried.apt)
    _write(tree / "etc/pip.conf", carried.pip)
    _write(tree / "etc/uv/uv.toml", carried.uv)
    for number, certificate in enumerate(carried.authorities):
        name = f"usr/local/share/ca-certificates/machine-{number}.crt"
        _write(tree / name, certificate)


def slim(tree: pathlib.Path) -> None:
    """Empty the folders that only take space; the folders themselves stay."""
    for name in _SURPLUS:
        for path in (tree / name).glob("*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _debootstrap(tree: pathlib.Path, mirror: str) -> list[str]:
    program = packages.program("debootstrap")
    if program is None:
        raise errors.Unavailable("debootstrap must be installed first")
    options = ["--variant=minbase", f"--include={_INCLUDED}"]
    # In mounts of its own, so that a broken run leaves nothing mounted below the tree.
    return ["unshare", "--mount", program, *options, SUITE, str(tree), mirror]


def _write(path: pathlib.Path, text: str) -> None:
    if text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
