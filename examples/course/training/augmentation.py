"""Augmentation: the changes that leave the class alone, drawn, and what they give when images are few.

The gallery: one image under crops of random scales, mirrors, colours, turns, shears, other views and lenses, and all
together, as a `Compose` of transforms. The measurement: the same network, trained as long on the same few images, as
they are or turned, sheared, scaled and shifted anew each time.

    python examples/course/training/augmentation.py
    python examples/course/training/augmentation.py --shots 10 30 --plot plots
"""
import math

import numpy as np

import minidl
from minidl import optim
from minidl.cli import arguments, images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.nn import functional as F
from minidl.train import Classification, fit, plots
from minidl.vision import models
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.transforms import v2

DEFAULTS = {"digits": {"epochs": 15, "batch_size": 50}, "mnist": {"epochs": 30, "batch_size": 50}}
STEPS = 20      # in an epoch, however few the images are
GALLERY = {     # the short side becomes one of 72 to 135 pixels and a patch of 64 is kept, as 256 to 480 and 224 are
    "scale and crop": v2.Compose([v2.RandomChoice([v2.Resize(side) for side in (72, 96, 135)]), v2.RandomCrop(64)]),
    "mirror": v2.RandomHorizontalFlip(1.0), "colours": v2.ColorJitter(0.5, 0.5, 0.5, 0.1),
    "turn": v2.RandomRotation(30, v2.InterpolationMode.BILINEAR), "shear": v2.RandomAffine(0, shear=(-30, 30)),
    "stretch and shift": v2.RandomAffine(0, translate=(0.2, 0.2), scale=(0.6, 1.2)),
    "another view": v2.RandomPerspective(0.5, p=1.0), "a bad lens": v2.ElasticTransform(60.0),
    "a hole": v2.RandomErasing(1.0),
}


def add_options(parser):
    parser.add_argument("--shots", type=arguments.whole_number(1), nargs="+", default=[3, 10, 30], metavar="N",
                        help="images of each class to learn from (default: 3 10 30)")
    lesson.whole(parser, "seeds", 2, "runs of each")


def distorted(x, indices=None):
    """Bytes (N, C, H, W): each image turned up to 10 degrees, sheared, scaled and shifted at random."""
    N = len(x)
    turn, shear = (minidl.rand(2, N) * 2 - 1) * math.radians(10)
    scale = 1 + 0.1 * (2 * minidl.rand(N) - 1)
    shift = (2 * minidl.rand(2, N) - 1) / 8
    cos, sin = turn.cos() * scale, turn.sin() * scale
    matrix = minidl.stack([minidl.stack([cos, -sin + shear, shift[0]], 1), minidl.stack([sin, cos, shift[1]], 1)], 1)
    places = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x.float(), places, align_corners=False).round().clamp(0, 255).byte()


def curve(data, numbers, augment, args):
    """The test accuracy after each epoch."""
    model = models.lenet_caffe(len(data.classes), data.channels, data.size).to(args.device)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)

    def test():
        return {"accuracy": accuracy(in_batches(lambda x: model(data.normalise(x)), data.test.x).cpu(), data.test.y)}
    numbers = numbers.repeat(-(-STEPS * args.batch_size // len(numbers)))[:STEPS * args.batch_size]
    rows = fit(model, images.Batches(data, args.batch_size, augment, numbers), Classification(), optimizer, args.epochs,
               evaluate=test, show=False)
    return [row["accuracy"] for row in rows]


def gallery(path):
    scene = SyntheticShapes(1, 64, seed=3)[0][0]
    picture = v2.functional.to_image(scene if isinstance(scene, np.ndarray) else np.asarray(scene))
    some = v2.Compose([GALLERY[name] for name in ("scale and crop", "colours", "turn", "a hole")])
    rows = {"as it is": lambda image: image, **GALLERY, "four of them": some}
    figure, axes = lesson.grid(len(rows), 6, 1, 1)
    for line, (name, change) in zip(axes, rows.items()):
        for panel in line:
            panel.imshow(np.asarray(change(picture)).transpose(1, 2, 0))
            panel.set(xticks=[], yticks=[])
        line[0].set_ylabel(name.replace(" and ", "\nand "), fontsize=8)
    plots.save(figure, path)


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    data, found = images.load(args), {}
    print("images of each class    as they are    distorted    test accuracy after the last epoch")
    for shots in args.shots:
        for augment in (None, distorted):
            runs = []
            for seed in range(args.seed, args.seed + args.seeds):
                minidl.manual_seed(seed)
                order = minidl.randperm(len(data.train.x))
                numbers = minidl.cat([order[data.train.y[order] == c][:shots] for c in range(len(data.classes))])
                runs.append(curve(data, numbers, augment, args))
            found[shots, augment] = [sum(values) / len(values) for values in zip(*runs)]
        print(f"{shots:19} {found[shots, None][-1]:14.1%} {found[shots, distorted][-1]:12.1%}")

    def curves(path):
        figure = plots.figure(7, 4.2)
        axes = figure.subplots()
        for (shots, augment), values in found.items():
            axes.plot(range(1, len(values) + 1), [100 * value for value in values], "-" if augment else "--",
                      color=f"C{args.shots.index(shots)}", label=f"{shots} images{', distorted' if augment else ''}")
        axes.set(xlabel=f"epochs of {STEPS} steps", ylabel="test accuracy (%)", title="with and without augmentation")
        axes.locator_params("x", integer=True)
        axes.legend()
        plots.save(figure, path)

    def changed(path):
        some = data.train.x[:8]
        plots.images(minidl.cat([some, *(distorted(some) for _ in range(3))]).float() / 255, path,
                     caption="eight images, and three distortions of each")
    if args.plot:
        draw(args.plot, {"gallery": gallery, "curves": curves, "distorted": changed})


if __name__ == "__main__":
    main()
