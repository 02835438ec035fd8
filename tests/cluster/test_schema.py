"""What the API server says to bad input, at apply."""

from typing import Any

import pytest

from tests import builders
from tests.cluster import conftest
from trainshed.api import model as model_api
from trainshed.api import source as source_api


def cnn(**params: Any) -> builders.TrainingJobBuilder:
    """Return a job of the built-in model."""
    return builders.training_job().cnn(**params)


def cnn_with(**pod: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model with something of spec.pod set."""
    return cnn().spec(pod=pod)


def mount(path: str) -> builders.TrainingJobBuilder:
    """Return a built-in model with a volume mounted at a path."""
    volumes = [{"name": "scratch", "emptyDir": {}}]
    return cnn_with(volumes=volumes, volumeMounts=[{"name": "scratch", "mountPath": path}])


def variable(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model with one environment variable."""
    return cnn_with(env=[fields])


GIT = "https://git.example/team/train.git"


def packages(**requirements: Any) -> builders.TrainingJobBuilder:
    """Return a script that asks for packages."""
    inline = {"files": {"train.py": ""}}
    return builders.training_job().spec(source={"inline": inline, "requirements": requirements})


def git(url: str, **fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of a git repository."""
    return builders.training_job().git(url, **fields)


def dockerfile_job(**image: Any) -> builders.TrainingJobBuilder:
    """Return a job whose image a Dockerfile makes."""
    return builders.training_job().script().spec(image={"strategy": "dockerfile", **image})


def inline(name: str) -> builders.TrainingJobBuilder:
    """Return a job of one inline file."""
    return builders.training_job().inline({name: "print(1)"})


def export(*formats: str, **fields: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model that is exported in these formats."""
    return cnn().spec(export={"formats": list(formats), "volume": MODELS, **fields})


def data(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model on this data."""
    return builders.training_job().data(**fields)


CLIPS = {"claimName": "clips"}
KEPT = {"claimName": "kept"}
MODELS = {"claimName": "models"}
ONE_SET = "data of a built-in model needs exactly one of name (built in), folder"
FITS = "digits are images, for cnn and cnn-attention; moving-digits are clips"
ONE_PLACE = "checkpoint needs exactly one of volume (a claim) and uri (object storage)"
ABSOLUTE = "folder.path is an absolute path without '..'"
ON_A_VOLUME = "data.folder.path must be on a volume"
SAFE = "file names are relative paths without '..', such as train.py"
ONE_OF = "give exactly one of model (built in), source (your code) and command"
HIDES = "mount paths are absolute and may not hide /app"
RESERVED = "TRAINSHED_* (but TRAINSHED_PEAK_FLOPS) and PYTHONPATH are set by the operator"
REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "an unknown field": (cnn().spec(modell={}), 'unknown field "spec.modell"'),
    "an unknown parameter of a model": (cnn(widht=2), 'unknown field "spec.model.params.widht"'),
    "an unknown framework": (cnn().spec(framework="caffe"), 'Unsupported value: "caffe"'),
    "an unknown model": (cnn().spec(model={"name": "gpt"}), 'Unsupported value: "gpt"'),
    "an unknown data set": (cnn().spec(data={"name": "mnist"}), 'Unsupported value: "mnist"'),
    "no framework": (cnn().spec(framework=None), "spec.framework: Required value"),
    "model and source": (cnn().spec(source={"inline": {"files": {"train.py": ""}}}), ONE_OF),
    "model and command": (cnn().spec(command=["x"], image={"ref": "own:1"}), ONE_OF),
    "nothing to train": (builders.training_job(), ONE_OF),
    "a built-in model of another library": (
        cnn().custom(),
        "framework custom has no built-in models: give source or command",
    ),
    "a source of another library without a base": (
        builders.training_job().custom().script(),
        "framework custom has no default base: give image.base",
    ),
    "a model without data": (cnn().spec(data=None), "a built-in model needs data"),
    "params for a model": (cnn().spec(params={"a": 1}), "a built-in model has model.params"),
    "training for own code": (
        builders.training_job().script().epochs(3),
        "training is read by built-in models alone",
    ),
    "data for own code": (
        builders.training_job().script().spec(data={"name": "digits"}),
        "hand values to your code by params",
    ),
    "a volume and more for own code": (
        builders.training_job()
        .script()
        .spec(data={"volume": {"claimName": "clips"}, "maxCorrupt": 1}),
        "of data only volume, mounted at /data, is for it",
    ),
    "corrupt samples of a built-in set": (
        data(name="moving-digits", maxCorrupt=1),
        "maxCorrupt is for samples of folder or uri",
    ),
    "two data sets": (data(name="digits", folder={"path": "/data/clips"}), ONE_SET),
    "no data set": (data(maxCorrupt=3), ONE_SET),
    "clips for a model of images": (cnn().spec(data={"name": "moving-digits"}), FITS),
    "images for a model of clips": (
        builders.training_job().model("lstm").spec(data={"name": "digits"}),
        FITS,
    ),
    "videos for a model of images": (
        cnn().spec(data={"folder": {"path": "/data", "layout": "videos"}, "volume": CLIPS}),
        "layout images is for cnn and cnn-attention, layout videos for lstm and cnn-lstm",
    ),
    "images in object storage for a model of clips": (
        builders.training_job()
        .model("cnn-lstm")
        .spec(data={"uri": "s3://bucket/x", "layout": "images"}),
        "layout images is for cnn and cnn-attention, layout videos for lstm and cnn-lstm",
    ),
    "a label of scans": (data(name="digits", label="digit"), "label and samples are of moving"),
    "samples of a folder": (
        data(folder={"path": "/data/x"}, volume=CLIPS, samples=100),
        "label and samples are of moving",
    ),
    "too few samples": (data(name="moving-digits", samples=4), "data.samples"),
    "an unknown label": (data(name="moving-digits", label="speed"), 'Unsupported value: "speed"'),
    "a relative folder": (data(folder={"path": "data/clips"}, volume=CLIPS), ABSOLUTE),
    "a folder that goes up": (data(folder={"path": "/data/../etc"}, volume=CLIPS), ABSOLUTE),
    "a folder without a volume": (data(folder={"path": "/data/clips"}), ON_A_VOLUME),
    "a folder beside the volume": (data(folder={"path": "/database"}, volume=CLIPS), ON_A_VOLUME),
    "a folder beside the mounts": (
        mount("/clips").spec(data={"folder": {"path": "/clips2/a"}}),
        ON_A_VOLUME,
    ),
    "a volume for a built-in set": (data(name="digits", volume=CLIPS), "volume holds the samples"),
    "a mount where the data is": (
        mount("/data/").spec(data={"folder": {"path": "/data/x"}, "volume": CLIPS}),
        "data.volume is mounted at /data: mount your own volume elsewhere",
    ),
    "a URI without a layout": (data(uri="s3://bucket/clips"), "layout says what lies at uri"),
    "a layout without a URI": (data(name="digits", layout="npz"), "layout says what lies at uri"),
    "a URI that is a path": (data(uri="/data/clips", layout="npz"), "data.uri"),
    "folders of images at a web server": (
        data(uri="https://example.com/flowers", layout="images"),
        "https:// names one file, of layout npz or webdataset",
    ),
    "a folder of shards at a web server": (
        data(uri="https://example.com/shards/", layout="webdataset"),
        "https:// names one file, of layout npz or webdataset",
    ),
    "credentials for a built-in set": (
        data(name="digits", secretRef={"name": "keys"}),
        "secretRef and cacheBytes are for uri",
    ),
    "a cache for a built-in set": (
        data(name="digits", cacheBytes="1Gi"),
        "secretRef and cacheBytes are for uri",
    ),
    "an augmentation twice": (
        data(name="digits", preprocess={"augment": ["crop", "crop"]}),
        'Duplicate value: "crop"',
    ),
    "no frames": (data(name="moving-digits", preprocess={"frames": 0}), "preprocess.frames"),
    "a parameter of another model": (
        cnn(cell="gru"),
        "cnn has the parameters channels, hidden, kernel and dropout: remove the others",
    ),
    "a parameter that a recurrent model lacks": (
        builders.training_job().model("lstm", channels=[8]),
        "lstm has the parameters cell, hidden, layers and dropout: remove the others",
    ),
    "heads of a model without attention": (
        builders.training_job().model("cnn-lstm", heads=2),
        "cnn-lstm has the parameters channels, kernel, features, cell, hidden, layers and dropout",
    ),
    "a cell of a model without one": (
        builders.training_job().model("cnn-attention", cell="rnn"),
        "cnn-attention has the parameters channels, hidden, kernel, heads and dropout",
    ),
    "heads that do not divide the channels": (
        builders.training_job().model("cnn-attention", channels=[8, 12], heads=5),
        "heads must divide the last of channels",
    ),
    "channels that four heads do not divide": (
        builders.training_job().model("cnn-attention", channels=[6]),
        "heads must divide the last of channels",
    ),
    "an unknown cell": (builders.training_job().model("lstm", cell="s4"), 'value: "s4"'),
    "momentum of an optimiser without one": (
        cnn().training(optimizer={"name": "adamw", "momentum": 0.5}),
        "momentum is of sgd and rmsprop",
    ),
    "gamma of another loss": (cnn().training(loss={"gamma": 1}), "gamma is of the focal loss"),
    "an accuracy above one": (
        cnn().training(target={"value": 95}),
        "target.value of an accuracy is a share, 0 to 1",
    ),
    "a target without a value": (cnn().training(target={"metric": "loss"}), "target.value"),
    "an unknown precision": (cnn().training(precision="fp8"), 'Unsupported value: "fp8"'),
    "a norm of zero": (cnn().training(optimizer={"clipNorm": 0}), "clipNorm"),
    "no pods": (cnn().replicas(0), "spec.replicas"),
    "too many pods": (cnn().replicas(257), "spec.replicas"),
    "no processes": (cnn().replicas(1, processes=0), "spec.processesPerReplica"),
    "a number of processes that is none": (
        cnn().spec(processesPerReplica="all"),
        "spec.processesPerReplica",
    ),
    "processes of a command": (
        builders.training_job().command("x").replicas(2, processes=2),
        "command is started once in each pod: remove processesPerReplica",
    ),
    "a batch that pods can't share": (
        cnn().training(batchSize=63).replicas(2),
        "make it a multiple of replicas x processesPerReplica",
    ),
    "a default batch that processes can't share": (
        cnn().spec(replicas=1, processesPerReplica="3"),
        "make it a multiple of replicas x processesPerReplica",
    ),
    "checkpoints nowhere": (cnn().spec(checkpoint={"keep": 2}), ONE_PLACE),
    "checkpoints in two places": (
        cnn().spec(checkpoint={"volume": KEPT, "uri": "s3://bucket/kept"}),
        ONE_PLACE,
    ),
    "checkpoints at a path": (cnn().spec(checkpoint={"uri": "/kept"}), "checkpoint.uri"),
    "checkpoints at a place with a slash": (
        cnn().spec(checkpoint={"uri": "s3://bucket/kept/"}),
        "checkpoint.uri",
    ),
    "credentials for a claim": (
        cnn().spec(checkpoint={"volume": KEPT, "secretRef": {"name": "keys"}}),
        "checkpoint.secretRef is for uri",
    ),
    "two Secrets for object storage": (
        data(uri="s3://clips", layout="npz", secretRef={"name": "read"}).spec(
            checkpoint={"uri": "s3://kept", "secretRef": {"name": "write"}}
        ),
        "put both buckets' credentials into one Secret that serves both",
    ),
    "no checkpoints kept": (cnn().spec(checkpoint={"volume": KEPT, "keep": 0}), "checkpoint.keep"),
    "a mount where the checkpoints are": (
        mount("/checkpoints").spec(checkpoint={"volume": KEPT}),
        "checkpoint.volume is mounted at /checkpoints: mount your own volume elsewhere",
    ),
    "how often own code writes checkpoints": (
        builders.training_job().script().spec(checkpoint={"volume": KEPT, "everySeconds": 60}),
        "your own code writes its checkpoints itself",
    ),
    "a job whose name is none to start from": (
        cnn().spec(checkpoint={"volume": KEPT, "from": {"job": "../other"}}),
        "checkpoint.from.job",
    ),
    "a SavedModel of PyTorch": (
        export("onnx", "savedmodel"),
        "pytorch writes torchscript and onnx: remove the others from export.formats",
    ),
    "TorchScript of TensorFlow": (
        export("torchscript").tensorflow(),
        "tensorflow writes savedmodel and onnx: remove the others from export.formats",
    ),
    "an export of nothing": (export(), "export.formats"),
    "a format twice": (export("onnx", "onnx"), 'Duplicate value: "onnx"'),
    "an unknown format": (export("pickle"), 'Unsupported value: "pickle"'),
    "an export to nowhere": (
        cnn().spec(export={"formats": ["onnx"]}),
        "spec.export.volume: Required value",
    ),
    "an export of own code": (
        builders.training_job().script().spec(export={"formats": ["onnx"], "volume": MODELS}),
        "export is read by built-in models alone",
    ),
    "tests of own code": (
        builders.training_job().command("x").spec(evaluation={"performance": {}}),
        "evaluation is read by built-in models alone",
    ),
    "a test of no steps": (
        cnn().spec(evaluation={"performance": {"steps": 0}}),
        "evaluation.performance.steps",
    ),
    "something to look at, and nowhere to show it": (
        cnn().spec(evaluation={"visual": True}),
        "evaluation.visual is shown in the report: give visualization.volume",
    ),
    "something to show, and no claim for it": (
        cnn().spec(visualization={}),
        "spec.visualization.volume: Required value",
    ),
    "a trace of too many steps": (
        cnn().spec(visualization={"volume": KEPT, "profile": {"steps": 101}}),
        "visualization.profile.steps",
    ),
    "a trace of own code": (
        builders.training_job().script().spec(visualization={"volume": KEPT, "profile": {}}),
        "of visualization only volume is for it",
    ),
    "TensorBoard's files of own code": (
        builders.training_job()
        .command("x")
        .spec(visualization={"volume": KEPT, "tensorboard": {"enabled": True}}),
        "of visualization only volume is for it",
    ),
    "a mount where the exports are": (
        mount("/exports").spec(export={"formats": ["onnx"], "volume": MODELS}),
        "export.volume is mounted at /exports: mount your own volume elsewhere",
    ),
    "a mount where the report is": (
        mount("/artifacts").spec(visualization={"volume": KEPT}),
        "visualization.volume is mounted at /artifacts: mount your own volume elsewhere",
    ),
    "a command without an image": (
        builders.training_job().spec(command=["x"]),
        "command runs a ready image: give image.ref",
    ),
    "a source with a ready image": (
        builders.training_job().script().spec(image={"ref": "own:1"}),
        "give image.base, or command with image.ref",
    ),
    "a ready image and a base": (
        cnn().spec(image={"ref": "own:1", "base": "base:1"}),
        "give one of them",
    ),
    "a refresh of a ready image": (
        cnn().spec(image={"ref": "own:1", "refresh": "daily"}),
        "image.refresh is for images that are built",
    ),
    "a refresh that there is not": (
        cnn().spec(image={"refresh": "hourly"}),
        'Unsupported value: "hourly"',
    ),
    "a deadline of a ready image": (
        cnn().spec(image={"ref": "own:1", "deadlineSeconds": 60}),
        "image.deadlineSeconds is for images that are built",
    ),
    "an image within no time": (
        cnn().spec(image={"deadlineSeconds": 0}),
        "should be greater than or equal to 1",
    ),
    "a compression of a ready image": (
        cnn().spec(image={"ref": "own:1", "compression": "gzip"}),
        "image.compression is for images that are built",
    ),
    "platforms of a ready image": (
        cnn().spec(image={"ref": "own:1", "platforms": ["linux/arm64"]}),
        "image.platforms is for images that are built",
    ),
    "a platform that nothing is built for": (
        cnn().spec(image={"platforms": ["windows/amd64"]}),
        "supported values",
    ),
    "no platform": (cnn().spec(image={"platforms": []}), "image.platforms"),
    "a platform twice": (
        cnn().spec(image={"platforms": ["linux/amd64", "linux/amd64"]}),
        "Duplicate value",
    ),
    "a delivery of a ready image": (
        cnn().spec(image={"ref": "own:1", "delivery": "volume"}),
        "image.delivery is for images that are built",
    ),
    "a delivery that nobody knows": (cnn().spec(image={"delivery": "mail"}), "supported values"),
    "a path that a mounted image does not have": (
        builders.training_job()
        .inline({"train.py": ""}, "python", "/app/train.py")
        .spec(image={"delivery": "volume"}),
        "not in /app but in the working directory",
    ),
    "an image with a blank": (cnn().spec(image={"ref": "own: 1"}), "image.ref"),
    "no epochs": (cnn().epochs(0), "should be greater than or equal to 1"),
    "epochs and steps": (
        cnn().training(epochs=3, maxSteps=4),
        "give training.epochs or training.maxSteps, not both",
    ),
    "no batch": (cnn().training(batchSize=0), "training.batchSize"),
    "a learning rate of zero": (cnn().training(optimizer={"learningRate": 0}), "learningRate"),
    "an unknown optimiser": (cnn().training(optimizer={"name": "lion"}), '"lion"'),
    "an even kernel": (cnn(kernel=4), "kernel must be odd"),
    "no channels": (cnn(channels=[]), "channels"),
    "one side to resize to": (
        cnn().spec(data={"name": "digits", "preprocess": {"resize": [8]}}),
        "resize",
    ),
    "all data held out": (
        cnn().spec(data={"name": "digits", "split": {"validation": 1}}),
        "split.validation",
    ),
    "a file above the folder": (inline("../train.py"), SAFE),
    "a file that goes up on its way": (inline("a/../train.py"), SAFE),
    "an absolute file": (inline("/train.py"), SAFE),
    "a file that is a folder": (inline("a/"), SAFE),
    "a file without a name": (inline(""), SAFE),
    "a file called dot": (inline("."), SAFE),
    "a file with an empty part": (inline("a//b.py"), SAFE),
    "a file with a line break": (inline("a\nb.py"), SAFE),
    "a file name without end": (inline("a" * 256), SAFE),
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
            source={"inline": {"files": {"train.py": ""}}, "git": {"url": GIT}}
        ),
        "source needs exactly one of git, configMap, inline, oci and claim",
    ),
    "a password in git's address": (git("https://me:secret@git.example/a"), "no credentials"),
    "a password in an ssh address": (git("ssh://me:secret@git.example/a"), "no credentials"),
    "a secret without TLS": (
        git("http://git.example/a", secretRef={"name": "key"}),
        "git.secretRef would be sent without TLS",
    ),
    "a file of the pod as a repository": (git("file:///etc"), "git.url"),
    "a helper program as a repository": (git("ext::sh -c id"), "git.url"),
    "an option as a ref": (git(GIT, ref="--upload-pack=id"), "git.ref"),
    "a refspec as a ref": (git(GIT, ref="main:refs/heads/main"), "git.ref"),
    "a folder above the repository": (git(GIT, path="a/../.."), "without '..'"),
    "an absolute folder": (git(GIT, path="/etc"), "git.path"),
    "requirements of nothing": (packages(), "requirements needs a file of the source, packages"),
    "an empty list of packages": (packages(packages=[]), "requirements needs a file"),
    "requirements above the source": (packages(file="../r.txt"), "without '..'"),
    "requirements of the pod": (packages(file="/etc/passwd"), "requirements.file"),
    "a password in the index": (
        packages(packages=["a"], index="https://me:secret@index.example/simple"),
        "must hold no credentials",
    ),
    "an index that is no address": (packages(packages=["a"], index="file:///etc"), "index"),
    "an index secret without TLS": (
        packages(packages=["a"], index="http://index.example", indexSecret={"name": "key"}),
        "would be sent without TLS",
    ),
    "what is ignored of an inline source": (
        builders.training_job().spec(
            source={"inline": {"files": {"train.py": ""}}, "ignore": ["*.ckpt"]}
        ),
        "source.ignore is for git, oci and claim",
    ),
    "a strategy of a ready image": (
        builders.training_job().command("x").spec(image={"ref": "a:1", "strategy": "layer"}),
        "image.strategy is for images that are built",
    ),
    "a Dockerfile without the strategy": (
        builders.training_job().script().spec(image={"dockerfile": {"path": "Dockerfile"}}),
        "image.dockerfile is for image.strategy dockerfile",
    ),
    "a Dockerfile with a base": (
        dockerfile_job(base="a:1"),
        "a Dockerfile names its base itself",
    ),
    "a Dockerfile in a volume": (
        dockerfile_job(delivery="volume"),
        "image.delivery volume is for a base that is there already",
    ),
    "a Dockerfile of several platforms": (
        dockerfile_job(platforms=["linux/amd64", "linux/arm64"]),
        "name one in image.platforms",
    ),
    "a Dockerfile without a source": (
        cnn().spec(image={"strategy": "dockerfile"}),
        "image.strategy dockerfile builds from a source",
    ),
    "a Dockerfile beside packages": (
        packages(packages=["einops"]).spec(image={"strategy": "dockerfile"}),
        "a Dockerfile installs its packages itself",
    ),
    "a Dockerfile outside of the source": (
        dockerfile_job(dockerfile={"path": "a/../../Dockerfile"}),
        "dockerfile.path is a file of the source",
    ),
    "a Dockerfile by an absolute path": (
        dockerfile_job(dockerfile={"path": "/etc/passwd"}),
        "dockerfile.path",
    ),
    "an argument that is none": (
        dockerfile_job(dockerfile={"args": {"A B": "x"}}),
        "names of dockerfile.args",
    ),
    "a stage that is none": (
        dockerfile_job(dockerfile={"target": "-x"}),
        "dockerfile.target",
    ),
    "another strategy": (
        builders.training_job().script().spec(image={"strategy": "kaniko"}),
        "image.strategy",
    ),
    "no entry point": (
        builders.training_job()
        .script()
        .spec(source={"inline": {"files": {"train.py": ""}}, "entrypoint": []}),
        "entrypoint",
    ),
    "a path of the node": (
        cnn_with(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
        'unknown field "spec.pod.volumes[0].hostPath"',
    ),
    "a volume of two kinds": (
        cnn_with(volumes=[{"name": "v", "emptyDir": {}, "configMap": {"name": "x"}}]),
        "a volume needs exactly one of",
    ),
    "the operator's volume": (
        cnn_with(volumes=[{"name": "trainshed-tmp", "emptyDir": {}}]),
        "volume names that start with trainshed-",
    ),
    "a mount over the code": (mount("/app"), HIDES),
    "a mount over the code with a slash": (mount("/app/"), HIDES),
    "a mount over the operator's files": (mount("/etc/trainshed"), HIDES),
    "a mount over a parent of them": (mount("/etc"), HIDES),
    "a mount over the token": (mount("/var/run/secrets/trainshed"), HIDES),
    "a mount that goes up": (mount("/data/../app"), HIDES),
    "a relative mount": (mount("data"), HIDES),
    "the operator's variable": (variable(name="TRAINSHED_JOB", value="x"), RESERVED),
    "the module path": (variable(name="PYTHONPATH", value="x"), RESERVED),
    "a variable with two values": (
        variable(name="A", value="x", valueFrom={"fieldRef": {"fieldPath": "status.podIP"}}),
        "give a variable's value or valueFrom, not both",
    ),
    "a variable from nowhere": (
        variable(name="A", valueFrom={}),
        "valueFrom needs exactly one of",
    ),
    "variables from nowhere": (cnn_with(envFrom=[{}]), "envFrom needs exactly one of"),
    "the operator's label": (
        cnn_with(labels={"trainshed.dev/job": "x"}),
        "are the operator's",
    ),
    "the operator's annotation": (
        cnn_with(annotations={"trainshed.dev/spec": "{}"}),
        "are the operator's",
    ),
    "an amount that is none": (cnn().spec(resources={"memory": "lots"}), "resources.memory"),
    "a negative amount": (cnn().spec(resources={"cpu": -1}), "resources.cpu"),
    "the root group": (cnn_with(fsGroup=0), "fsGroup"),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)


@pytest.mark.parametrize(
    "name", ["dot.ted", "a" * 51, "1st"], ids=["dotted", "over-long", "starts with a digit"]
)
def test_a_name_that_pods_cant_have_is_refused(namespace: conftest.Namespace, name: str) -> None:
    assert "metadata.name must be lower-case letters" in namespace.refusal(cnn(), name=name)


@pytest.mark.parametrize(
    "job",
    [
        cnn(),
        cnn(channels=[8], hidden=3, dropout=0.5).epochs(3),
        cnn().training(maxSteps=4, optimizer={"name": "sgd", "schedule": "cosine"}),
        cnn().spec(image={"ref": "own:1"}),
        cnn().spec(image={"platforms": ["linux/arm64", "linux/amd64"]}),
        cnn().spec(image={"delivery": "volume"}),
        builders.training_job().script().spec(image={"delivery": "volume"}),
        builders.training_job().spec(
            model=None,
            data=None,
            source={
                "inline": {"files": {"train.py": ""}},
                "requirements": {"packages": ["einops==0.8.1"]},
            },
            image={"delivery": "volume"},
        ),
        builders.training_job()
        .inline({"train.py": ""}, "python", "/app/train.py")
        .spec(image={"delivery": "image"}),
        builders.training_job().script(),
        builders.training_job().inline({"a/b c.py": "", ".env": "", "..a": ""}, "bash", "-c", "x"),
        builders.training_job().config_map(),
        git(GIT),
        git("git@git.example:team/train.git", ref="v1.0", path="jobs/a", submodules=True),
        git("ssh://git@git.example:2222/a", ref="c" * 40, secretRef={"name": "key"}).spec(
            image={"pushSecret": {"name": "push"}}
        ),
        dockerfile_job(refresh="daily", delivery="image"),
        dockerfile_job(platforms=["linux/arm64"], pushSecret={"name": "push"}),
        dockerfile_job(dockerfile={"path": "a/b c.Dockerfile", "target": "t", "args": {"A": "$x"}}),
        builders.training_job().custom().script().spec(image={"strategy": "dockerfile"}),
        builders.training_job().script().spec(image={"strategy": "layer", "base": "a:1"}),
        builders.training_job().script().spec(params={"width": 2, "deep": {"list": [1, "a"]}}),
        builders.training_job().command("python", "x.py"),
        builders.training_job().tensorflow().cnn(),
        builders.training_job().custom().script().spec(image={"base": "own:1"}),
        builders.training_job().custom().command("./own"),
        *(builders.training_job().model(name) for name in model_api.ModelName),
        builders.training_job().model("cnn-attention", channels=[8, 12], heads=3),
        builders.training_job().model("cnn-lstm", cell="gru", layers=2, features=8, kernel=5),
        data(name="moving-digits", label="digit", samples=16),
        data(folder={"path": "/data"}, volume=CLIPS),
        builders.training_job()
        .model("lstm")
        .spec(data={"folder": {"path": "/data", "layout": "npz"}, "volume": CLIPS}),
        data(folder={"path": "/data/clips/", "layout": "videos"}, volume=CLIPS, maxCorrupt=3),
        mount("/clips/").spec(data={"folder": {"path": "/clips/a", "layout": "npz"}}),
        data(
            uri="s3://bucket/clips", layout="webdataset", secretRef={"name": "k"}, cacheBytes="1Gi"
        ),
        data(uri="https://example.com/set.npz", layout="npz"),
        data(uri="s3://clips", layout="npz", secretRef={"name": "k"}).spec(
            checkpoint={"uri": "s3://kept", "secretRef": {"name": "k"}}
        ),
        data(uri="s3://clips", layout="npz", secretRef={"name": "k"}).spec(
            checkpoint={"uri": "s3://kept"}
        ),
        data(name="digits", preprocess={"augment": ["hflip", "crop"], "frames": 8, "stride": 2}),
        builders.training_job().script().spec(data={"volume": CLIPS}),
        builders.training_job().command("x").spec(checkpoint={"volume": KEPT}),
        cnn().spec(checkpoint={"uri": "s3://bucket", "secretRef": {"name": "keys"}, "keep": 1}),
        cnn().spec(
            checkpoint={
                "volume": KEPT,
                "everySeconds": 60,
                "keep": 3,
                "resume": "never",
                "from": {"job": "other"},
            }
        ),
        cnn().training(optimizer={"name": "rmsprop", "momentum": 0.5, "clipNorm": 0.5}),
        cnn().training(loss={"name": "focal", "gamma": 1.5, "classWeights": "balanced"}),
        cnn().training(precision="bf16", compile="never", target={"value": 0.95}),
        cnn().training(target={"metric": "loss", "value": 3}),
        cnn().replicas(4),
        cnn().training(batchSize=60).replicas(3, processes=2),
        cnn().spec(processesPerReplica="2"),
        builders.training_job().script().replicas(3, processes=64),
        builders.training_job().command("x").replicas(256, processes=1),
        builders.training_job().command("x").spec(processesPerReplica="auto"),
        cnn().spec(evaluation={"performance": {}}),
        cnn().spec(
            evaluation={"performance": {"warmupSteps": 0}, "visual": True},
            visualization={
                "volume": KEPT,
                "tensorboard": {"enabled": True},
                "profile": {"atStep": 0},
            },
        ),
        export("torchscript", "onnx", benchmark=True),
        export("onnx", "savedmodel").tensorflow(),
        builders.training_job().script().spec(visualization={"volume": KEPT}),
        variable(name="TRAINSHED_PEAK_FLOPS", value="1e12"),
        mount("/exports"),
        mount("/data"),
        mount("/app/data"),
        cnn().spec(resources={"cpu": 2, "memory": "2Gi", "sharedMemory": "512Mi"}),
        packages(file="envs/requirements.txt"),
        packages(
            packages=["einops==0.8.1"],
            index="https://index.example/simple",
            indexSecret={"name": "key"},
        ),
    ],
    ids=[
        "the smallest",
        "a model with parameters",
        "steps and a schedule",
        "a model in a ready image",
        "two platforms",
        "a model that is mounted",
        "a script that is mounted",
        "a script and packages that are mounted",
        "a path below /app of an image",
        "a script",
        "files of odd names",
        "a ConfigMap",
        "a git repository",
        "a folder of a git repository",
        "a private git repository",
        "a Dockerfile that is built once a day",
        "a Dockerfile for another platform",
        "a Dockerfile that is given arguments",
        "a Dockerfile of another library",
        "layers by name",
        "free parameters",
        "a command",
        "a model in TensorFlow",
        "a script of another library",
        "a command of another library",
        *(f"the model {name}" for name in model_api.ModelName),
        "attention with heads",
        "a recurrent model with parameters",
        "moving digits",
        "a whole volume",
        "arrays for a model of clips",
        "a folder of a volume",
        "a folder of a mount",
        "object storage",
        "a file at a web server",
        "two buckets by one Secret",
        "a Secret for the data alone",
        "augmentations",
        "a volume for own code",
        "checkpoints of a command",
        "checkpoints in object storage",
        "checkpoints",
        "an optimiser with momentum",
        "a focal loss",
        "a target",
        "a loss as target",
        "several pods",
        "several processes in several pods",
        "processes as text",
        "many processes of own code",
        "a command in many pods",
        "a command with the default",
        "a performance test",
        "all tests",
        "exports of PyTorch",
        "exports of TensorFlow",
        "files that own code shows",
        "a peak",
        "a mount where no exports are",
        "a mount",
        "a mount below the code",
        "amounts as numbers and text",
        "a file of requirements",
        "packages of a private index",
    ],
)
def test_good_input_is_taken(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder
) -> None:
    assert namespace.apply(job)["metadata"]["generation"] == 1


def test_the_longest_name_is_taken(namespace: conftest.Namespace) -> None:
    assert namespace.apply(cnn(), name="a" * 50)["metadata"]["name"] == "a" * 50
