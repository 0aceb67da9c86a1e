"""Husky or wolf: the test is passed, and an explanation shows that the network looks at the snow.

All wolves of the training set, here stars, stand in snow, and all huskies, here rings, on grass. The test set is of
the same kind, so nothing seems wrong. LIME covers segments at random and fits a line through the answers: the weight
lies on the snow (Ribeiro, Singh and Guestrin, 2016). With the animals in each other's place the network fails. One that
learned both animals in both places looks at the animal.

    python examples/see/shortcut.py
    python examples/see/shortcut.py --compiled --plot plots
"""
import drawing
import nets
import numpy as np
import scenes

import minidl
from minidl import interpret
from minidl.cli import arguments, classification
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.proposals import graph_segmentation

DEFAULTS = {"shapes": {"epochs": 12, "batch_size": 32, "lr": 1e-2}}
CLASSES = ["husky", "wolf"]
GRASS, SNOW = minidl.tensor([[0.25, 0.45, 0.2], [0.85, 0.87, 0.9]])[..., None, None]


def add_options(parser):
    parser.set_defaults(images=600)
    parser.add_argument("--explained", type=arguments.whole_number(2), default=40, metavar="N",
                        help="images to explain (default: 40)")
    parser.add_argument("--samples", type=arguments.whole_number(10), default=300, metavar="N",
                        help="covered copies of each (default: 300)")


def animals(count, seed, wolves_in_snow):
    """Images and masks of animals; the share of wolves that stand in snow is that of huskies that stand on grass."""
    data = SyntheticShapes(5 * count, scenes.SIZE, (1, 1), (0.18, 0.28), seed=seed)
    stream = minidl.Generator().manual_seed(seed)
    images, labels, masks = [], [], []
    for number in range(len(data)):
        kind = data.scene(number).shapes[0].kind
        if kind in ("ring", "star") and len(images) < count:
            image, target = data[number]
            wolf = kind == "star"
            usual = minidl.rand(1, generator=stream).item() < wolves_in_snow
            noise = minidl.randn(1, scenes.SIZE, scenes.SIZE, generator=stream)
            ground = (SNOW if wolf == usual else GRASS) + 0.05 * noise
            images.append(minidl.tensor(np.asarray(image).transpose(2, 0, 1).copy()).float() / 255)
            images[-1] = images[-1].where(target["masks"].bool(), ground).clamp(0, 1)
            labels.append(int(wolf))
            masks.append(target["masks"][0])
    return scenes.Images(minidl.stack(images), minidl.tensor(labels)), minidl.stack(masks)


def segments(image):
    """Superpixels (1, 1, H, W): areas of one colour, cut along a grid of eight pixels."""
    areas = graph_segmentation(image.cpu(), scale=3.0, sigma=0.5, min_size=20)
    cells = minidl.arange(scenes.SIZE) // 8
    both = areas * 1000 + cells[:, None] * 10 + cells
    return both.unique(return_inverse=True)[1].view(1, 1, scenes.SIZE, scenes.SIZE)


def explain(model, image, label):
    """LIME's weights of the segments of an image (H, W), for the probability of a class."""
    lime = interpret.Lime(lambda x: model(x).softmax(1), alpha=0.1)
    grey = image.mean((1, 2), keepdim=True).expand_as(image)[None]
    return lime.attribute(image[None], grey, label, feature_mask=segments(image), n_samples=args.samples,
                          perturbations_per_eval=100)[0, 0]


args = nets.parse(__doc__, add_options, DEFAULTS)
usual, usual_masks = animals(200, args.seed + 1, 1.0)
swapped, _ = animals(200, args.seed + 2, 0.0)
found = {}
print("network that learned     usual places   exchanged places   weight on the animal   animal / image")
for name, share in (("wolves in snow", 1.0), ("both in both places", 0.5)):
    train, _ = animals(args.images, args.seed, share)
    model = nets.Net(3, 2, scenes.SIZE).to(args.device)
    nets.train(model, train, args)
    model.eval()
    weights = minidl.stack([explain(model, x.to(args.device), label) for x, label in
                            zip(usual.x[:args.explained], usual.y.tolist())]).cpu()
    found[name] = model, weights
    masks = usual_masks[:len(weights)].bool()
    on_animal = (weights.abs() * masks).sum() / weights.abs().sum()
    print(f"{name:<25}{nets.accuracy(model, usual, args.device):>12.1%}"
          f"{nets.accuracy(model, swapped, args.device):>19.1%}{on_animal.item():>23.1%}"
          f"{masks.float().mean().item():>17.1%}")


def images(path):
    """Animals, their segments, and what speaks for the class in each network."""
    shown = usual.y[:args.explained].argsort(stable=True)
    some = minidl.cat([shown[:3], shown[-3:]])
    x, labels = F.interpolate(usual.x[some], scale_factor=4), usual.y[some].tolist()
    parts = F.interpolate(minidl.cat([segments(image) for image in usual.x[some]]).float(), scale_factor=4)
    edges = (parts != parts.roll(1, 2)) | (parts != parts.roll(1, 3))
    rows = [x, x.where(~edges, 0.0)]
    rows += [F.interpolate(drawing.signed(weights[some, None]), scale_factor=4) for _, weights in found.values()]
    titles = [CLASSES[label] for label in labels] + ["segments"] * len(x)
    titles += [name for name in found for _ in labels]
    caption = "what networks look at that learned wolves in snow, and both in both places: red speaks for the class"
    plots.images(minidl.cat(rows), path, titles, caption, columns=len(x))


if args.plot:
    classification.draw(args.plot, {"images": images})
