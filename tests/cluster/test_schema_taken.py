"""What the API server takes, at apply."""

import pytest

from tests import builders
from tests.cluster import asked, conftest
from trainshed.api import model as model_api


@pytest.mark.parametrize(
    "job",
    [
        asked.cnn(),
        asked.cnn(channels=[8], hidden=3, dropout=0.5).epochs(3),
        asked.cnn().training(maxSteps=4, optimizer={"name": "sgd", "schedule": "cosine"}),
        asked.cnn().spec(image={"ref": "own:1"}),
        asked.cnn().spec(image={"platforms": ["linux/arm64", "linux/amd64"]}),
        asked.cnn().spec(image={"delivery": "volume"}),
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
        asked.git(asked.GIT),
        asked.git("git@git.example:team/train.git", ref="v1.0", path="jobs/a", submodules=True),
        asked.git("ssh://git@git.example:2222/a", ref="c" * 40, secretRef={"name": "key"}).spec(
            image={"pushSecret": {"name": "push"}}
        ),
        asked.git(asked.GIT).spec(image={"refresh": "never"}),
        asked.oci("r.example/code:1").spec(image={"refresh": "daily"}),
        asked.packages(packages=["einops"]).spec(image={"refresh": "always"}),
        asked.claim(claimName="code", path="a/b").spec(
            image={"repository": "localhost:5000/a/b-c", "pushSecret": {"name": "push"}}
        ),
        asked.dockerfile_job(refresh="daily", delivery="image"),
        asked.dockerfile_job(platforms=["linux/arm64"], pushSecret={"name": "push"}),
        asked.dockerfile_job(
            dockerfile={"path": "a/b c.Dockerfile", "target": "t", "args": {"A": "$x"}}
        ),
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
        asked.data(name="moving-digits", label="digit", samples=16),
        asked.data(folder={"path": "/data"}, volume=asked.CLIPS),
        builders.training_job()
        .model("lstm")
        .spec(data={"folder": {"path": "/data", "layout": "npz"}, "volume": asked.CLIPS}),
        asked.data(
            folder={"path": "/data/clips/", "layout": "videos"}, volume=asked.CLIPS, maxCorrupt=3
        ),
        asked.mount("/clips/").spec(data={"folder": {"path": "/clips/a", "layout": "npz"}}),
        asked.data(
            uri="s3://bucket/clips", layout="webdataset", secretRef={"name": "k"}, cacheBytes="1Gi"
        ),
        asked.data(uri="https://example.com/set.npz", layout="npz"),
        asked.data(uri="s3://clips", layout="npz", secretRef={"name": "k"}).spec(
            checkpoint={"uri": "s3://kept", "secretRef": {"name": "k"}}
        ),
        asked.data(uri="s3://clips", layout="npz", secretRef={"name": "k"}).spec(
            checkpoint={"uri": "s3://kept"}
        ),
        asked.data(
            name="digits", preprocess={"augment": ["hflip", "crop"], "frames": 8, "stride": 2}
        ),
        builders.training_job().script().spec(data={"volume": asked.CLIPS}),
        builders.training_job().command("x").spec(checkpoint={"volume": asked.KEPT}),
        asked.cnn().spec(
            checkpoint={"uri": "s3://bucket", "secretRef": {"name": "keys"}, "keep": 1}
        ),
        asked.cnn().spec(checkpoint={"uri": "gs://bucket/kept", "secretRef": {"name": "keys"}}),
        asked.cnn().spec(
            checkpoint={
                "volume": asked.KEPT,
                "everySeconds": 60,
                "keep": 3,
                "resume": "never",
                "from": {"job": "other"},
            }
        ),
        asked.cnn().training(optimizer={"name": "rmsprop", "momentum": 0.5, "clipNorm": 0.5}),
        asked.cnn().training(loss={"name": "focal", "gamma": 1.5, "classWeights": "balanced"}),
        asked.cnn().training(precision="bf16", compile="never", target={"value": 0.95}),
        asked.cnn().training(target={"metric": "loss", "value": 3}),
        asked.cnn().replicas(4),
        asked.cnn().training(batchSize=60).replicas(3, processes=2),
        asked.cnn().spec(processesPerReplica="2"),
        builders.training_job().script().replicas(3, processes=64),
        builders.training_job().command("x").replicas(256, processes=1),
        builders.training_job().command("x").spec(processesPerReplica="auto"),
        asked.cnn().spec(evaluation={"performance": {}}),
        asked.cnn().spec(
            evaluation={"performance": {"warmupSteps": 0}, "visual": True},
            visualization={
                "volume": asked.KEPT,
                "tensorboard": {"enabled": True},
                "profile": {"atStep": 0},
            },
        ),
        asked.export("torchscript", "onnx", benchmark=True),
        asked.export("onnx", "savedmodel").tensorflow(),
        builders.training_job().script().spec(visualization={"volume": asked.KEPT}),
        asked.variable(name="TRAINSHED_PEAK_FLOPS", value="1e12"),
        asked.mount("/exports"),
        asked.mount("/data"),
        asked.mount("/app/data"),
        asked.cnn().spec(resources={"cpu": 2, "memory": "2Gi", "sharedMemory": "512Mi"}),
        asked.packages(file="envs/requirements.txt"),
        asked.packages(
            packages=["einops==0.8.1"],
            index="https://index.example/simple",
            indexSecret={"name": "key"},
        ),
        asked.packages(packages=["a"], wheelsOnly=True, indexSecret={"name": "key"}),
        asked.packages(packages=["a"], wheelsOnly=False, index="https://index.example/simple"),
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
        "a git branch that is looked up once",
        "an artifact that is looked up once a day",
        "packages that are looked up each time",
        "a claim, pushed elsewhere",
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
        "checkpoints in Google's storage",
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
        "packages of wheels alone by name",
        "packages that may be built",
    ],
)
def test_good_input_is_taken(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder
) -> None:
    assert namespace.apply(job)["metadata"]["generation"] == 1


def test_the_longest_name_is_taken(namespace: conftest.Namespace) -> None:
    assert namespace.apply(asked.cnn(), name="a" * 50)["metadata"]["name"] == "a" * 50
