"""What the API server says to bad input, at apply: code and its packages."""

import pytest

from tests import builders
from tests.cluster import asked, conftest
from trainshed.api import source as source_api

SAFE = "file names are relative paths without '..', such as train.py"
REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "a file above the folder": (asked.inline("../train.py"), SAFE),
    "a file that goes up on its way": (asked.inline("a/../train.py"), SAFE),
    "an absolute file": (asked.inline("/train.py"), SAFE),
    "a file that is a folder": (asked.inline("a/"), SAFE),
    "a file without a name": (asked.inline(""), SAFE),
    "a file called dot": (asked.inline("."), SAFE),
    "a file with an empty part": (asked.inline("a//b.py"), SAFE),
    "a file with a line break": (asked.inline("a\nb.py"), SAFE),
    "a file name without end": (asked.inline("a" * 256), SAFE),
    "no files": (builders.training_job().inline({}), "should have at least 1 properties"),
    "too many files": (
        builders.training_job().inline(
            {f"{number}.py": "" for number in range(source_api.MAX_FILES + 1)}
        ),
        "must have at most 64 items",
    ),
    "a file that is too long": (
        builders.training_job().script("x" * (source_api.MAX_FILE_CHARS + 1)),
        "may not be more than 262144",
    ),
    "two sources": (
        builders.training_job().spec(
            source={"inline": {"files": {"train.py": ""}}, "configMap": {"name": "code"}}
        ),
        "source needs exactly one of git, configMap, inline, oci and claim",
    ),
    "git and inline": (
        builders.training_job().spec(
            source={"inline": {"files": {"train.py": ""}}, "git": {"url": asked.GIT}}
        ),
        "source needs exactly one of git, configMap, inline, oci and claim",
    ),
    "a password in git's address": (asked.git("https://me:secret@git.example/a"), "no credentials"),
    "a password in an ssh address": (asked.git("ssh://me:secret@git.example/a"), "no credentials"),
    "a secret without TLS": (
        asked.git("http://git.example/a", secretRef={"name": "key"}),
        "git.secretRef would be sent without TLS",
    ),
    "a file of the pod as a repository": (asked.git("file:///etc"), "git.url"),
    "a helper program as a repository": (asked.git("ext::sh -c id"), "git.url"),
    "an option as a ref": (asked.git(asked.GIT, ref="--upload-pack=id"), "git.ref"),
    "a refspec as a ref": (asked.git(asked.GIT, ref="main:refs/heads/main"), "git.ref"),
    "a folder above the repository": (asked.git(asked.GIT, path="a/../.."), "without '..'"),
    "an absolute folder": (asked.git(asked.GIT, path="/etc"), "git.path"),
    "an artifact with a blank": (asked.oci("r.example/code: 1"), "spec.source.oci.ref: Invalid"),
    "a folder above the claim": (asked.claim(claimName="code", path="a/.."), "claim.path is a"),
    "a folder beside the claim": (
        asked.claim(claimName="code", path="/etc"),
        "spec.source.claim.path: Invalid value",
    ),
    "a claim without a name": (asked.claim(path="a"), "spec.source.claim.claimName: Required"),
    "a claim and a ConfigMap": (
        builders.training_job().spec(
            source={"claim": {"claimName": "code"}, "configMap": {"name": "code"}}
        ),
        "source needs exactly one of git, configMap, inline, oci and claim",
    ),
    "a limit of an inline source": (
        builders.training_job().spec(
            source={"inline": {"files": {"train.py": ""}}, "maxBytes": "1Mi"}
        ),
        "source.maxBytes is for git, oci and claim",
    ),
    "requirements of nothing": (
        asked.packages(),
        "requirements needs a file of the source, packages",
    ),
    "an empty list of packages": (asked.packages(packages=[]), "requirements needs a file"),
    "requirements above the source": (asked.packages(file="../r.txt"), "without '..'"),
    "requirements of the pod": (asked.packages(file="/etc/passwd"), "requirements.file"),
    "a password in the index": (
        asked.packages(packages=["a"], index="https://me:secret@index.example/simple"),
        "must hold no credentials",
    ),
    "an index that is no address": (asked.packages(packages=["a"], index="file:///etc"), "index"),
    "an index secret without TLS": (
        asked.packages(packages=["a"], index="http://index.example", indexSecret={"name": "key"}),
        "would be sent without TLS",
    ),
    "an index secret where packages may be built": (
        asked.packages(packages=["a"], wheelsOnly=False, indexSecret={"name": "key"}),
        "runs code of packages, which must see no Secret: remove requirements.indexSecret",
    ),
    "packages built for another platform": (
        asked.packages(packages=["a"], wheelsOnly=False).spec(image={"platforms": ["linux/arm64"]}),
        "requirements.wheelsOnly: false builds for linux/amd64 alone",
    ),
    "packages built beside a Dockerfile": (
        asked.packages(packages=["a"], wheelsOnly=False).spec(image={"strategy": "dockerfile"}),
        "a Dockerfile installs its packages itself",
    ),
    "compiling beside a Dockerfile": (
        asked.compiled(image={"strategy": "dockerfile"}),
        "a Dockerfile compiles what it needs itself",
    ),
    "compiling for another platform": (
        asked.compiled(image={"platforms": ["linux/arm64"]}),
        "source.compile compiles for linux/amd64 alone",
    ),
    "compiling for several platforms": (
        asked.compiled(image={"platforms": ["linux/amd64", "linux/arm64"]}),
        "source.compile compiles for linux/amd64 alone",
    ),
    "compiling for no framework": (
        asked.compiled(image={"base": "own:1"}).custom(),
        "framework custom has none",
    ),
    "what is ignored of an inline source": (
        builders.training_job().spec(
            source={"inline": {"files": {"train.py": ""}}, "ignore": ["*.ckpt"]}
        ),
        "source.ignore is for git, oci and claim",
    ),
    "no entry point": (
        builders.training_job()
        .script()
        .spec(source={"inline": {"files": {"train.py": ""}}, "entrypoint": []}),
        "entrypoint",
    ),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)
