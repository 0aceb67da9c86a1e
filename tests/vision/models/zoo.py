"""The page of all models with what was counted and what was published, and a picture of what accuracy costs.

    python -m tests.vision.models.zoo               # writes docs/model_zoo.md and docs/model_zoo.svg: minutes
    python -m tests.vision.models.zoo resnet18      # counts these models only, and leaves the other rows as they are
"""
from __future__ import annotations

import html
import inspect
import math
import re
import sys
from collections.abc import Collection
from pathlib import Path

from minidl.vision import models
from tests.vision.models.published import AUXILIARY, ROWS, counted

DOCS = Path(__file__).parents[3] / "docs"
PAGE, PICTURE = DOCS / "model_zoo.md", DOCS / "model_zoo.svg"

HEAD = """# The model zoo

Parameters and multiply-adds of every model of `minidl.vision.models`, counted by `minidl.utils.summary`, beside what
was published, as it was printed. Tests hold each against the other. The accuracies are those of torchvision's best
weights, as their authors measured them: on ImageNet the first guess is right in so many of 100 images, or one of the
first five; for segmentation the mean overlap (mIoU) and the pixels that are right, on the classes of Pascal VOC; for
detection the mean average precision (mAP) of boxes on COCO, and that of masks or key points. [What each model is
for](models.md) stands elsewhere. This page and the picture are written by `python -m tests.vision.models.zoo`.

![Accuracy over multiply-adds, parameters as areas](model_zoo.svg)

Each circle is a network with its best weights: to the right more arithmetic, above fewer mistakes; its area stands for
its parameters.

| model | paper | pixels | parameters | published | multiply-adds | published | best weights: top-1, top-5 | MB |
|---|---|---|---|---|---|---|---|---|
"""

FOOT = f"""
The cells of NASNet, which a search found on small images, and of which `nasnetamobile` and `nasnetalarge` stack many
(`python -m tests.vision.models.cells`). *before* is the output of the cell before the last one. The paper
measured 74.0 % and 91.6 % (top-1, top-5) for the small network, 82.7 % and 96.2 % for the large one. Weights of timm's
`nasnetalarge` load.

![NASNet's normal cell and its reduction cell](nasnet_cells.svg)

Published figures of transformers for small images (`cct*`, `vit_lite*`) leave out the two products of attention, and
those of `googlenet` its auxiliary heads, which are {AUXILIARY:,} parameters. Figures of the networks for MNIST, of the
speed run and of small vision transformers are summed by hand from their layers, since nobody printed them, as are the
multiply-adds of the ResNets for 32 pixels and of DCGAN. Those of detectors depend on how
many boxes a trained net proposes in the image, which torchvision's table does not say. Ours is taken to be an image of
noise, in which `*rcnn_resnet50*` propose 1,000 boxes and those on MobileNets none, `maskrcnn_resnet50_fpn_v2` finds 100
objects, and `keypointrcnn_resnet50_fpn` one: the numbers at which the sums agree, not measured ones. Frozen norms
have no parameters.

`minidl summary MODEL --by-layer` prints where they come from, [layer by layer](looking_inside.md).
"""


def papers() -> dict[str, str]:
    """The paper of each model as a link, of docs/models.md."""
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    links = dict(re.findall(r"\[([A-Z][\w-]+\s\d{4}\w?)\]\((https://[^)]*)\)", text.replace("\n", " ")))
    rows = re.findall(r"^\| `(\w+)` \|.*?\| ([A-Z][\w-]+ \d{4}\w?) \|", text, re.MULTILINE)
    return {model: f"[{paper}]({links[paper]})" for model, paper in rows}


def best(name: str) -> models.WeightsEnum | None:
    """The best weights of a model that has any."""
    if "weights" not in inspect.signature(models.get_model_builder(name)).parameters:
        return None
    return models.get_model_weights(name).DEFAULT


def row(name: str) -> str:
    """A line of the table."""
    published, (params, mult_adds), weights = ROWS[name], counted(name), best(name)
    side = published.input_size[-1] * math.isqrt(published.pixels)
    cells = [f"`{name}`", papers()[name], str(side) if side > 1 else "", f"{params:,}", published.params,
             f"{mult_adds:,}", published.mult_adds]
    cells += ["", ""] if weights is None else [
        f"`{weights.name}`: {', '.join(map(str, accuracies(weights)))}", f"{weights.meta['_file_size']:.0f}"]
    return f"| {' | '.join(cells)} |"


def accuracies(weights: models.WeightsEnum) -> list[float]:
    return list(next(iter(weights.meta["_metrics"].values())).values())


def page(counting: Collection[str]) -> str:
    """The whole page: the rows of these models anew, the others as they are."""
    there = {line.split("`")[1]: line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"}
    rows = [row(name) if name in counting or name not in there else there[name] for name in sorted(ROWS)]
    return HEAD + "".join(f"{line}\n" for line in rows) + FOOT


# ---------------------------------------------------------------------- the picture

WIDTH, HEIGHT, LEFT, RIGHT, ABOVE, BELOW = 860, 540, 60, 130, 30, 50


def family(name: str) -> str:
    """The beginning of a name, up to its first number or size: that of the models which are drawn in one colour."""
    if name.endswith("_bn"):
        return "vgg_bn"
    return re.match(r"(wide_resnet|resnext|efficientnet_v2|mobilenet_v\d|swin_v2|[a-z]+)", name)[1]


def picture() -> str:
    """Accuracy over multiply-adds, in SVG: a circle a model, a line a family."""
    families: dict[str, list[tuple[float, float, float, str]]] = {}
    for name in sorted(ROWS):
        weights = best(name)
        if weights is not None and "ImageNet-1K" in weights.meta["_metrics"]:
            families.setdefault(family(name), []).append(
                (weights.meta["_ops"], accuracies(weights)[0], weights.meta["num_params"] / 1e6, name))
    points = [point for members in families.values() for point in members]
    lowest, highest = math.floor(min(p[1] for p in points) / 5) * 5, math.ceil(max(p[1] for p in points) / 5) * 5
    first, last = (math.log10(pick(p[0] for p in points)) for pick in (min, max))
    first, last = first - 0.15, last + 0.3

    def x(ops: float) -> float:
        return LEFT + (math.log10(ops) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(accuracy: float) -> float:
        return HEIGHT - BELOW - (accuracy - lowest) / (highest - lowest) * (HEIGHT - BELOW - ABOVE)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
             f'font-size="11">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for accuracy in range(lowest, highest + 1, 5):
        lines.append(f'<path d="M{LEFT} {y(accuracy):.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/><text x="{LEFT - 6}" '
                     f'y="{y(accuracy) + 4:.1f}" text-anchor="end">{accuracy}</text>')
    for ops in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if first < math.log10(ops) < last:
            lines.append(f'<path d="M{x(ops):.1f} {ABOVE}V{HEIGHT - BELOW}" stroke="#dddddd"/><text x="{x(ops):.1f}" '
                         f'y="{HEIGHT - BELOW + 16}" text-anchor="middle">{ops:g}</text>')
    lines.append(f'<text x="{(WIDTH + LEFT - RIGHT) / 2:g}" y="{HEIGHT - 10}" text-anchor="middle">'
                 'billions of multiply-adds for an image</text>'
                 f'<text transform="translate(16 {HEIGHT / 2:g}) rotate(-90)" text-anchor="middle">'
                 'first guess right on ImageNet (%)</text>')
    ranked = sorted(families.items(), key=lambda item: -max(accuracy for _, accuracy, *_ in item[1]))
    for i, (name, members) in enumerate(ranked):
        members.sort()
        colour = f"hsl({i * 360 // len(ranked)}, 70%, {35 + 15 * (i % 2)}%)"
        path = "L".join(f"{x(ops):.1f} {y(accuracy):.1f}" for ops, accuracy, *_ in members)
        lines.append(f'<g fill="{colour}" stroke="{colour}"><path d="M{path}" fill="none" stroke-opacity="0.5"/>')
        for ops, accuracy, params, model in members:
            told = html.escape(f"{model}: {accuracy} %, {ops} G, {params:.1f} M parameters")
            lines.append(f'<circle cx="{x(ops):.1f}" cy="{y(accuracy):.1f}" r="{1.4 * math.sqrt(params):.1f}" '
                         f'fill-opacity="0.35" stroke-width="0.7"><title>{told}</title></circle>')
        lines.append(f'<circle cx="{WIDTH - RIGHT + 16}" cy="{20 + 18 * i}" r="5"/><text x="{WIDTH - RIGHT + 26}" '
                     f'y="{24 + 18 * i}" stroke="none">{name}</text></g>')
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(sys.argv[1:] or ROWS), encoding="utf-8")
    print("wrote", PAGE.name, "and", PICTURE.name)
