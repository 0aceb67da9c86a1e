"""Every public name of torchvision for images: ours and what checks it, or why it is left out; and the page about it.

    python -m tests.vision.public_names     # writes docs/vision_names.md

The names stand in torchvision_names.txt, so that the page is the same where torchvision is missing.
"""
from __future__ import annotations

import functools
import importlib
import inspect
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_type_hints

from minidl.vision.models import get_model_builder
from tests.public_functions import ROOT, wrapped
from tests.vision.models.published import ROWS, TORCHVISION
from tests.vision.reference import torchvision

PAGE = ROOT / "docs" / "vision_names.md"
TABLE = Path(__file__).with_name("torchvision_names.txt")

LEFT_OUT = {
    "quantised tensors, as in all of minidl": "models.quantization.*",
    "videos: networks and readers; the transforms take them": """
        models.video.*_Weights models.video.R* models.video.S* models.video.VideoResNet models.video.mc3_18
        models.video.r* models.video.s* datasets.HMDB51 datasets.Kinetics datasets.UCF101""",
    "optical flow and stereo: pairs of images": """
        models.optical_flow.* datasets.*Stereo datasets.*Flow datasets.CREStereo datasets.FallingThingsStereo
        datasets.FlyingChairs datasets.FlyingThings3D datasets.HD1K datasets.InStereo2k datasets.Sintel""",
    "databases of LMDB, for which there is a package of its own": "datasets.LSUN datasets.LSUNClass",
    "HEIC, which Pillow reads with a plug-in only": "io.decode_heic",
}
"""Why names are left out: patterns of `namespace.name`, where `*` matches any characters."""

LEFT_OUT_PATHS = {
    "quantised tensors, videos, flow": """models.quantization* models.video.resnet models.video.s3d
        models.video.swin_transformer models.optical_flow* datasets.samplers* datasets.video_utils datasets.kinetics
        datasets.hmdb51 datasets.ucf101""",
    "LMDB, HEIC and accimage, which need packages of their own": """datasets.lsun io.image.decode_heic
        datasets.folder.accimage_loader""",
    "the inside of torchvision: its compiled part, traced graphs, base classes, readers of one data set": """extension
        models.feature_extraction.*Tracer models.feature_extraction.DualGraphModule ops.roi_align.lazy_compile
        ops.roi_align.maybe_cast transforms.transforms.RandomTransforms datasets.celeba.CSV
        datasets.phototour.read_* models.detection.roi_heads.expand_masks_tracing_scale""",
    "data sets that share a file here: `datasets` has the classes, and under torchvision's name (`minidl run`) these "
    "paths are there": """datasets.clevr datasets.country211 datasets.dtd datasets.eurosat datasets.fer2013
        datasets.fgvc_aircraft datasets.flowers102 datasets.food101 datasets.gtsrb datasets.imagenette
        datasets.inaturalist datasets.kitti datasets.moving_mnist datasets.oxford_iiit_pet datasets.pcam
        datasets.places365 datasets.rendered_sst2 datasets.stanford_cars datasets.sun397 datasets.widerface""",
}
"""Why modules of torchvision, or names in them, lie elsewhere or are missing: patterns."""

PURPOSE = """Every public name of torchvision 0.28 for images: whether `minidl.vision` has it, and what checks it.
*Compared*: a test that mentions the name, or the function of a kernel, compares with torchvision, where it is
installed. This page is written by
`python -m tests.vision.public_names`; a test fails if it is out of date, if a name is in no test, or if one is missing
without a reason."""


@functools.cache
def names() -> dict[str, list[str]]:
    """The table: public names by namespace."""
    found: dict[str, list[str]] = {}
    space = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            found[space].extend(line.split())
        else:
            space = line
            found[space] = []
    return found


def names_of(space: str) -> list[str]:
    """What is public in a namespace of torchvision that is installed."""
    module = torchvision(space)
    public = getattr(module, "__all__", [name for name in dir(module) if not name.startswith("_")])
    return sorted({name for name in public if not name.startswith("_") and _is_its_own(getattr(module, name, None))})


def _is_its_own(value: Any) -> bool:
    return callable(value) and not inspect.ismodule(value) and \
        str(getattr(value, "__module__", "torchvision")).startswith("torchvision")


def path_left_out(path: str) -> bool:
    """Whether a module, or a name in it, is among those that lie elsewhere."""
    return any(fnmatchcase(path, pattern) for patterns in LEFT_OUT_PATHS.values() for pattern in patterns.split())


def has(space: str, name: str) -> bool:
    """Whether minidl.vision has the name, or the module of that name."""
    try:
        return hasattr(importlib.import_module(f"minidl.vision.{space}"), name)
    except ModuleNotFoundError:
        return False


def reason(space: str, name: str) -> str | None:
    """Why it is left out."""
    return next((why for why, patterns in LEFT_OUT.items()
                 if any(fnmatchcase(f"{space}.{name}", pattern) for pattern in patterns.split())), None)


@functools.cache
def words() -> dict[str, tuple[set[str], bool]]:
    """Of each test file of vision: the words in it and in the table beside it, and whether it asks torchvision."""
    found = {}
    for path in sorted((ROOT / "tests" / "vision").rglob("test_*.py")):
        table = path.with_name(path.name.removeprefix("test_"))     # test_layouts.py runs the rows of layouts.py
        text = "".join(file.read_text(encoding="utf-8") for file in (path, table) if file.exists())
        found[path.relative_to(ROOT).as_posix()] = (set(re.findall(r"\w+", text)), "torchvision(" in text)
    return found


@functools.cache
def nets() -> set[str]:
    """The models of torchvision that a battery compares, and their classes."""
    builders = {name: get_model_builder(name) for name, row in ROWS.items()
                if row.source == TORCHVISION and row.boxes is None}
    return {*builders, *(get_type_hints(builder)["return"].__name__ for builder in builders.values())}


def checks(space: str, name: str) -> list[str]:
    """The files that test it: first those of its own folder that compare with torchvision."""
    if name.endswith("_Weights"):
        return ["tests/vision/models/test_weights.py"]
    if name in nets():
        return ["tests/vision/models/test_against_torchvision.py", "tests/vision/models/test_published.py"]
    stem = re.sub("_(image|video|mask|bounding_boxes|keypoints)$", "", name)   # a kernel: through its function
    second = "v2" in space
    for word in (name, stem):
        found = [file for file, (inside, _) in words().items()
                 if word in inside and (not second or "/v2/" in file or file.endswith("test_public_names.py"))]
        if found:
            return sorted(found, key=lambda file: (
                f"vision/{space.split('.')[0]}" not in file, second < ("/v2/" in file), not words()[file][1], file))[:2]
    return []


def missing() -> list[str]:
    """What is neither here nor left out for a reason."""
    return [f"{space}.{name}" for space, found in names().items() for name in found
            if not has(space, name) and reason(space, name) is None]


def unchecked() -> list[str]:
    """What is here, and in no test."""
    return [f"{space}.{name}" for space, found in names().items() for name in found
            if has(space, name) and not checks(space, name)]


def page() -> str:
    lines = ["# Names of torchvision", "", *wrapped(PURPOSE)]
    for space, found in names().items():
        here = [name for name in found if has(space, name)]
        if here:
            lines += ["", f"## minidl.vision.{space}", "", f"{len(here)} of {len(found)} names.", "",
                      "| name | compared | tests |", "|---|---|---|"]
        for name in here:
            files = checks(space, name)
            compared = "yes" if any(words()[file][1] for file in files) else ""
            lines.append(f"| `{name}` | {compared} | {', '.join(files)} |")
    lines += ["", "## Left out", ""]
    for why in LEFT_OUT:
        absent = []
        for space, found in names().items():
            here = [f"`{space}.{name}`" for name in found if not has(space, name) and reason(space, name) == why]
            absent += [f"all {len(found)} names of `{space}`"] if len(here) == len(found) else here
        lines += wrapped(f"- **{why}**: {', '.join(absent)}", indent="  ")
    lines += ["", "## Modules", "", "Modules have torchvision's paths, but for these.", ""]
    for why, patterns in LEFT_OUT_PATHS.items():
        lines += wrapped(f"- **{why}**: {', '.join(f'`{pattern}`' for pattern in patterns.split())}", indent="  ")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print("wrote", PAGE.relative_to(ROOT))
    for title, found in (("missing", missing()), ("unchecked", unchecked())):
        print(f"{title}: {' '.join(found) or 'nothing'}")
