"""Network dissection: which units of a layer detect a concept, before and after learning.

A unit is on where its answer, enlarged to the image, is among the largest 0.5 % of all. If these places match the masks
of a concept (here kinds of shapes, colours and the background) with an IoU above 0.04, it detects it (Bau et al.,
2017). The network was taught kinds, never colours, and no place of anything.

    python examples/see/dissection.py
    python examples/see/dissection.py --compiled --plot plots

In the paper the fifth layer of a network that knows places has a unit for cars with 0.13 and one for roads with 0.15.
"""
import nets
import scenes

import minidl
from minidl import interpret
from minidl.cli import arguments, classification
from minidl.nn import functional as F
from minidl.train import plots

DEFAULTS = {"shapes": nets.DEFAULTS["shapes"]}


def add_options(parser):
    parser.add_argument("--scenes", type=arguments.whole_number(8), default=400, metavar="N",
                        help="of one to three shapes, to dissect with (default: 400)")
    parser.add_argument("--least", type=arguments.number_between(0, 1), default=0.04, metavar="IOU",
                        help="of a detector (default: 0.04)")


args = nets.parse(__doc__, add_options, DEFAULTS)
data = nets.load(args)
untrained = nets.Net(data.channels, len(data.classes), data.size).to(args.device).eval()
models = {"untrained": untrained, "trained": nets.learned(args, data)}
found = scenes.draw(args.scenes, args.seed + 3, (1, 3))
names = list(found.targets[0]["concepts"])
concepts = minidl.stack([minidl.stack(list(target["concepts"].values())) for target in found.targets])
x, concepts = found.x.to(args.device), concepts.to(args.device)
layers = [name for name, _ in models["trained"].named_modules() if name.startswith("features.relu")]
dissected = {(which, name): interpret.dissect(model, model.get_submodule(name), x, concepts)
             for which, model in models.items() for name in layers}

print("network    layer           units   detectors   concepts   the best")
for (which, name), result in dissected.items():
    detectors = result.detectors(args.least)
    unique = {names[concept] for _, concept, _ in detectors}
    best = ", ".join(f"{names[concept]} {iou:.2f} (unit {unit})" for unit, concept, iou in detectors[:3])
    print(f"{which:<10} {name:<14}{len(result.iou):>7}{len(detectors):>12}{len(unique):>11}   {best}")


def detectors(path):
    """The number of detectors of each concept, layer by layer."""
    figure = plots.figure(10, 6)
    for axes, which in zip(figure.subplots(2, 1, sharex=True, sharey=True), models):
        for place, name in enumerate(layers):
            found = [concept for _, concept, _ in dissected[which, name].detectors(args.least)]
            counts = [found.count(concept) for concept in range(len(names))]
            places = [concept + 0.2 * (place - 1.5) for concept in range(len(names))]
            axes.bar(places, counts, 0.2, label=name.removeprefix("features."))
        axes.set(ylabel="detectors", title=f"{which} network")
    axes.set_xticks(range(len(names)), names)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    plots.save(figure, path)


def units(path):
    """The best unit for each of six concepts in the last layer: scenes that it answers to most, and where it is on."""
    model, name = models["trained"], layers[-1]
    result = dissected["trained", name]
    with minidl.no_grad():
        answers = classification.in_batches(
            lambda part: interpret.activations(model, [model.get_submodule(name)], part)[0], x)
    rows, titles = [], []
    for concept in result.iou.amax(0).topk(6).indices.tolist():
        unit = result.iou[:, concept].argmax().item()
        best = answers[:, unit].amax((1, 2)).topk(8).indices
        on = F.interpolate(answers[best, unit][:, None], size=x.shape[2:], mode="bilinear") > result.thresholds[unit]
        rows.append((x[best] * (0.25 + 0.75 * on.float())).cpu())
        titles += [f"{names[concept]} {result.iou[unit, concept].item():.2f}", f"unit {unit}", *[""] * (len(best) - 2)]
    caption = f"scenes that units of {name} answer to most; bright where they are on"
    plots.images(minidl.cat(rows), path, titles, caption, columns=len(best))


if args.plot:
    classification.draw(args.plot, {"detectors": detectors, "units": units})
