"""`spec` of a TrainingJob: what a person asks for."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import pydantic

from trainshed.api import accelerator as accelerator_api
from trainshed.api import base
from trainshed.api import checkpoint as checkpoint_api
from trainshed.api import compiling as compiling_api
from trainshed.api import cross_validation as cross_validation_api
from trainshed.api import data as data_api
from trainshed.api import dockerfile as dockerfile_api
from trainshed.api import evaluation as evaluation_api
from trainshed.api import export as export_api
from trainshed.api import failure_policy as failure_api
from trainshed.api import image as image_api
from trainshed.api import model as model_api
from trainshed.api import pod as pod_api
from trainshed.api import replicas as replicas_api
from trainshed.api import requirements as requirements_api
from trainshed.api import resources as resources_api
from trainshed.api import source as source_api
from trainshed.api import training as training_api
from trainshed.api import visualization as visualization_api


class Framework(enum.StrEnum):
    """The frameworks."""

    PYTORCH = "pytorch"
    TENSORFLOW = "tensorflow"
    CUSTOM = "custom"
    """Any other: the user's own code and base, generic rank variables."""


_ONE_OF = base.rule(
    "[has(self.model), has(self.source), has(self.command)].filter(each, each).size() == 1",
    "give exactly one of model (built in), source (your code) and command (a ready image)",
)
_NO_CUSTOM_MODEL = base.rule(
    "self.framework != 'custom' || !has(self.model)",
    "framework custom has no built-in models: give source or command, or framework pytorch or"
    " tensorflow",
)
_CUSTOM_NEEDS_BASE = base.rule(
    "self.framework != 'custom' || !has(self.source) || (has(self.image) && (has(self.image.base)"
    f" || {dockerfile_api.uses('self.image')}))",
    "framework custom has no default base: give image.base, an image with python3 and what your"
    " code imports, or image.strategy dockerfile",
)
_MODEL_NEEDS_DATA = base.rule(
    "!has(self.model) || has(self.data)",
    "a built-in model needs data, such as data: {name: digits}",
)
_ONE_DATA_SET = base.rule(
    "!has(self.model) || !has(self.data) || [has(self.data.name), has(self.data.folder),"
    " has(self.data.uri)].filter(each, each).size() == 1",
    "data of a built-in model needs exactly one of name (built in), folder (on a volume) and uri"
    " (object storage)",
)
_IMAGES = "self.model.name in ['cnn', 'cnn-attention']"
_SET_FITS_MODEL = base.rule(
    "!has(self.model) || !has(self.data) || !has(self.data.name)"
    f" || (self.data.name == 'digits') == ({_IMAGES})",
    "digits are images, for cnn and cnn-attention; moving-digits are clips, for lstm and cnn-lstm",
)
_LAYOUT_FITS_MODEL = base.rule(
    "!has(self.model) || !has(self.data) || [has(self.data.layout) ? self.data.layout : '',"
    " has(self.data.folder) ? self.data.folder.layout : ''].all(each,"
    f" !(each in ['images', 'videos']) || (each == 'images') == ({_IMAGES}))",
    "layout images is for cnn and cnn-attention, layout videos for lstm and cnn-lstm",
)
_FOLDER_IS_MOUNTED = base.rule(
    "!has(self.data) || !has(self.data.folder) || (has(self.data.volume)"
    " ? (self.data.folder.path + '/').startsWith('/data/')"
    " : (has(self.pod) && has(self.pod.volumeMounts) && self.pod.volumeMounts.exists(each,"
    " (self.data.folder.path + '/').startsWith("
    "each.mountPath.endsWith('/') ? each.mountPath : each.mountPath + '/'))))",
    "data.folder.path must be on a volume: below /data with data.volume, or below a mount of"
    " pod.volumeMounts",
)
_BUILT_IN_ONLY = [
    base.rule(
        f"has(self.model) || !has(self.{name})",
        f"{name} is read by built-in models alone: hand values to your code by params",
    )
    for name in ("training", "evaluation", "export")
]
_OWN_DATA = base.rule(
    "has(self.model) || !has(self.data) || (has(self.data.volume) && ["
    + ", ".join(f"has(self.data.{name})" for name in data_api.OF_MODELS)
    + "].all(each, !each))",
    "your own code reads its data itself: of data only volume, mounted at /data, is for it; hand"
    " values to your code by params",
)
_COMMAND_NEEDS_REF = base.rule(
    "!has(self.command) || (has(self.image) && has(self.image.ref))",
    "command runs a ready image: give image.ref, or use source to have one built",
)
_SOURCE_IS_BUILT = base.rule(
    "!has(self.source) || !has(self.image) || !has(self.image.ref)",
    "source is built into an image: give image.base, or command with image.ref",
)
_REFRESHED = base.rule(
    "!has(self.image) || !has(self.image.refresh) || has(self.image.ref) || (has(self.source)"
    " && !has(self.source.claim) && !has(self.image.repository) && (has(self.source.git)"
    " || has(self.source.oci) || has(self.source.requirements)"
    f" || {dockerfile_api.uses('self.image')}))",
    "image.refresh is for what is named by a moving name, in git, oci, requirements or a"
    " Dockerfile, and answered by the operator's registry: remove it here; a claim is read, and"
    " what goes to image.repository is built, for each job",
)
_MOUNTED_ELSEWHERE = base.rule(
    "!has(self.source) || !has(self.image) || !has(self.image.delivery) || self.image.delivery =="
    " 'image' || self.source.entrypoint.all(each, each != '/app' && !each.startsWith('/app/'))",
    "with image.delivery volume the code is not in /app but in the working directory: name files in"
    " source.entrypoint without /app/",
)
_PARAMS_FOR_OWN_CODE = base.rule(
    "!has(self.model) || !has(self.params)",
    "params are for your own code: a built-in model has model.params",
)
_IMMUTABLE = base.rule(
    "self == oldSelf",
    "spec can't be changed once the job exists: create a new TrainingJob",
)


class TrainingJobSpec(base.Model):
    """What to train, with what, where."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            _ONE_OF,
            _NO_CUSTOM_MODEL,
            _CUSTOM_NEEDS_BASE,
            _MODEL_NEEDS_DATA,
            _ONE_DATA_SET,
            _SET_FITS_MODEL,
            _LAYOUT_FITS_MODEL,
            _FOLDER_IS_MOUNTED,
            data_api.MOUNTED,
            *_BUILT_IN_ONLY,
            _OWN_DATA,
            checkpoint_api.OWN_CODE,
            checkpoint_api.MOUNTED,
            checkpoint_api.ONE_SECRET,
            *export_api.FITS,
            export_api.MOUNTED,
            visualization_api.OWN_CODE,
            visualization_api.MOUNTED,
            visualization_api.SHOWS,
            _COMMAND_NEEDS_REF,
            _SOURCE_IS_BUILT,
            _REFRESHED,
            _MOUNTED_ELSEWHERE,
            dockerfile_api.NEEDS_SOURCE,
            dockerfile_api.INSTALLS_ITSELF,
            *compiling_api.RULES,
            requirements_api.BUILT_HERE,
            _PARAMS_FOR_OWN_CODE,
            replicas_api.LAUNCHED,
            replicas_api.EVEN_BATCH,
            cross_validation_api.ONE_PROCESS,
            cross_validation_api.NO_EXPORT,
            cross_validation_api.NO_SPLIT,
            _IMMUTABLE,
        )
    )

    framework: Framework = pydantic.Field(
        description="The framework of the training code; custom: any other, without built-in "
        "models and without a default base.",
    )
    model: model_api.Model | None = pydantic.Field(
        default=None, description="A built-in model. Exactly one of model, source and command."
    )
    source: source_api.Source | None = pydantic.Field(
        default=None, description="Your own code, built into an image."
    )
    command: list[Annotated[str, pydantic.Field(max_length=4096)]] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Command of a ready image, run as it is.",
    )
    params: dict[str, Any] | None = pydantic.Field(
        default=None,
        description="Values for your own code: one JSON file, at TRAINSHED_PARAMS_FILE.",
    )
    image: image_api.Image | None = pydantic.Field(
        default=None, description="The image, given or built."
    )
    data: data_api.Data | None = pydantic.Field(
        default=None,
        description="The data set of a built-in model; for your own code a volume alone.",
    )
    training: training_api.Training | None = pydantic.Field(
        default=None, description="How a built-in model is trained."
    )
    evaluation: evaluation_api.Evaluation | None = pydantic.Field(
        default=None, description="What is tested of a built-in model; default: nothing."
    )
    export: export_api.Export | None = pydantic.Field(
        default=None,
        description="The trained model as files that need no training library; default: none.",
    )
    visualization: visualization_api.Visualization | None = pydantic.Field(
        default=None, description="What is left for people to look at; default: nothing."
    )
    replicas: int = pydantic.Field(
        default=1,
        ge=1,
        le=replicas_api.MAX_REPLICAS,
        description="Pods that train together; when one fails, all end.",
    )
    processes_per_replica: replicas_api.Processes = pydantic.Field(
        default=replicas_api.AUTO,
        description="Processes in each pod; auto: one for each GPU, and one on anything else.",
    )
    checkpoint: checkpoint_api.Checkpoint | None = pydantic.Field(
        default=None, description="Where the state of the run is kept; default: nowhere."
    )
    accelerator: accelerator_api.Accelerator | None = pydantic.Field(
        default=None, description="What each replica trains on; default: the CPU."
    )
    resources: resources_api.Resources | None = pydantic.Field(
        default=None, description="What each replica asks for."
    )
    failure_policy: failure_api.FailurePolicy | None = pydantic.Field(
        default=None, description="What follows from failures."
    )
    startup_deadline_seconds: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=604_800,
        description="From the creation of its pods until all must have started, and so long at most"
        " a job that no node can hold waits for one; default: the operator's, 1800.",
    )
    priority_class_name: base.Name | None = pydantic.Field(
        default=None,
        description="PriorityClass of the pods: who goes first, and who makes room for whom. Kueue"
        " goes by it too, unless the label kueue.x-k8s.io/priority-class names another.",
    )
    pod: pod_api.Pod | None = pydantic.Field(
        default=None, description="Typed overrides of the trainer's pod."
    )
