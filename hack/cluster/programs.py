"""The Go programs of a host cluster: found on this machine, or built once from one go.mod.

Owns the cache's bin folder, named after go.sum: another set of versions is another folder.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hack.cluster import commands, console, errors, toolchain

SOURCE = pathlib.Path(__file__).parent / "go"
_KUBERNETES = "k8s.io/kubernetes"
# What `go list -deps` counts for all programs, the standard library among them.
_PACKAGES = 3200


@dataclass(frozen=True, slots=True)
class Program:
    """One program: what builds it, its file in the cache, and how it tells its version."""

    package: str
    file: str
    module: str = ""
    version: tuple[str, ...] = ()


PROGRAMS: Mapping[str, Program] = {
    **{
        name: Program(f"{_KUBERNETES}/cmd/{name}", name, _KUBERNETES, ("--version",))
        for name in (
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kube-proxy",
            "kubelet",
        )
    },
    "kubectl": Program(
        f"{_KUBERNETES}/cmd/kubectl", "kubectl", _KUBERNETES, ("version", "--client")
    ),
    "etcd": Program(
        "go.etcd.io/etcd/server/v3", "server", "go.etcd.io/etcd/server/v3", ("--version",)
    ),
    "helm": Program("helm.sh/helm/v3/cmd/helm", "helm", "helm.sh/helm/v3", ("version", "--short")),
    "kwok": Program("sigs.k8s.io/kwok/cmd/kwok", "kwok", "sigs.k8s.io/kwok", ("--version",)),
    # These two are ours alone: nothing on a PATH is the same program.
    "dns": Program("./dns", "dns"),
    "pause": Program("./pause", "pause"),
}


def folder(cache: pathlib.Path) -> pathlib.Path:
    """Return where the programs of this go.sum are cached."""
    summed = hashlib.sha256((SOURCE / "go.sum").read_bytes()).hexdigest()
    return cache / "bin" / summed[:16]


def cached(name: str, *, cache: pathlib.Path) -> pathlib.Path:
    """Return where the cache has the program, or would have it."""
    return folder(cache) / cached_name(name)


def cached_name(name: str) -> str:
    """Return the program's file name in the cache.

    go.sum does not change with our own few lines of Go, so their hash is in the name.
    """
    program = PROGRAMS[name]
    if program.module:
        return program.file
    source = (SOURCE / program.file / "main.go").read_bytes()
    return f"{program.file}-{hashlib.sha256(source).hexdigest()[:8]}"


def ensure(
    names: Sequence[str], *, cache: pathlib.Path, shown: console.Console
) -> dict[str, pathlib.Path]:
    """Return the path of every named program, building those that are nowhere to be found."""
    given = os.environ.get("TRAINSHED_BIN")
    found = _search(names, [given]) if given else {}
    found.update(_cached(_without(names, found), cache=cache))
    missing = _without(names, found)
    if missing:
        found.update(_search(missing, os.environ.get("PATH", "").split(os.pathsep)))
        missing = _without(names, found)
    if missing:
        build(missing, cache=cache, shown=shown)
        found.update(_cached(missing, cache=cache))
    return found


def build(names: Sequence[str], *, cache: pathlib.Path, shown: console.Console) -> None:
    """Build the named programs by one go build: the packages they share are compiled once."""
    target = folder(cache)
    target.mkdir(parents=True, exist_ok=True)
    with _locked(target, shown=shown):
        missing = _without(names, _cached(names, cache=cache))
        if not missing:
            return
        go = toolchain.ensure(cache=cache, shown=shown)
        with (
            shown.step(f"building {_named(missing)} (minutes with an empty cache)") as step,
            tempfile.TemporaryDirectory(dir=target.parent) as fresh,
        ):
            _build(go, packages=[PROGRAMS[name].package for name in missing], into=fresh, step=step)
            for name in missing:
                built = pathlib.Path(fresh) / PROGRAMS[name].file
                built.replace(cached(name, cache=cache))


def versions() -> dict[str, str]:
    """Return the version of every module that go.mod requires."""
    pattern = re.compile(r"^\s*(?:require\s+)?(\S+) v(\S+?)(?:\s+// indirect)?$", re.MULTILINE)
    return dict(pattern.findall((SOURCE / "go.mod").read_text("utf-8")))


def matches(said: str, *, wanted: str) -> bool:
    """Tell whether a program that said this is of the wanted version's minor release."""
    minor = ".".join(wanted.split(".")[:2])
    return re.search(rf"(?<![\d.]){re.escape(minor)}(?!\d)", said) is not None


def linker_flags() -> str:
    """Return the flags that make Kubernetes' programs tell their version."""
    version = versions()[_KUBERNETES]
    major, minor, _ = version.split(".", 2)
    base = "-X k8s.io/component-base/version.git"
    return f"-s -w {base}Version=v{version} {base}Major={major} {base}Minor={minor}"


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} Go programs"


def _without(names: Sequence[str], found: Mapping[str, pathlib.Path]) -> list[str]:
    return [name for name in names if name not in found]


def _cached(names: Sequence[str], *, cache: pathlib.Path) -> dict[str, pathlib.Path]:
    paths = {name: cached(name, cache=cache) for name in names}
    return {name: path for name, path in paths.items() if path.exists()}


def _search(names: Sequence[str], folders: Sequence[str]) -> dict[str, pathlib.Path]:
    """Return those of the programs that lie in the folders and are of the right version."""
    wanted = versions()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        paths = pool.map(lambda name: _fitting(name, folders=folders, wanted=wanted), names)
    return {name: path for name, path in zip(names, paths, strict=True) if path is not None}


def _fitting(
    name: str, *, folders: Sequence[str], wanted: Mapping[str, str]
) -> pathlib.Path | None:
    """Return the program under its own name, or under the cache's in a copy of the cache."""
    program = PROGRAMS[name]
    path = os.pathsep.join(folders)
    if not program.module:
        # The file's name holds the hash of its source, so it needs no other proof.
        copied = shutil.which(cached_name(name), path=path)
        return pathlib.Path(copied) if copied else None
    for candidate in {name: None, program.file: None}:
        found = shutil.which(candidate, path=path)
        if found is None:
            continue
        with contextlib.suppress(errors.ClusterError):
            said = commands.run([found, *program.version], seconds=20)
            if matches(said, wanted=wanted[program.module]):
                return pathlib.Path(found)
    return None


def _build(go: pathlib.Path, *, packages: Sequence[str], into: str, step: console.Step) -> None:
    # With -v a line is written for each package that is compiled: that is the progress.
    flags = ["-v", "-trimpath", "-ldflags", linker_flags()]
    argv = [str(go), "build", *flags, "-o", f"{into}/", *packages]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    # The compiler collects garbage less often: a sixth of its CPU time for some memory.
    environment.setdefault("GOGC", "400")
    compiled, complaints = 0, list[str]()
    with subprocess.Popen(
        argv,
        cwd=SOURCE,
        env=environment,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in map(str.strip, process.stderr):
            if line.startswith("go: downloading"):
                step.update(line.removeprefix("go: "))
            elif " " in line:
                complaints.append(line)
            else:
                compiled += 1
                step.update(f"{compiled} of at most {_PACKAGES} packages, now {line}")
    if process.returncode != 0:
        said = "\n".join(complaints)
        raise errors.CommandFailed(commands.failure(argv, code=process.returncode, said=said))


@contextlib.contextmanager
def _locked(target: pathlib.Path, *, shown: console.Console) -> Iterator[None]:
    """Hold the folder, so that two commands at once build once."""
    descriptor = os.open(target, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with shown.step("waiting for another build of the same programs"):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
