"""An adversarial patch: a sticker that makes a network see what is not there, wherever it lies.

The patch is learned on images at random places, and tested on others (Brown et al., "Adversarial Patch", 2017). Beside
it lie a patch of noise and a piece of a real image of the class: a cause must do more than cover. Patches that hide a
person from a detector are made in the same way (Thys, Van Ranst and Goedeme, 2019; Wu et al., 2020).

    python examples/see/patch.py
    python examples/see/patch.py --dataset cifar10 --data DIR --side 8 --compiled --plot plots
"""
import nets

import minidl
from minidl import interpret
from minidl.cli import arguments, classification, ending
from minidl.train import plots


def add_options(parser):
    parser.add_argument("--side", type=arguments.whole_number(1), metavar="N",
                        help="of the patch, in pixels (default: a third of the image's)")
    parser.add_argument("--steps", type=arguments.whole_number(1), default=150, metavar="N",
                        help="in which it is learned (default: 150)")
    parser.add_argument("--target", metavar="CLASS", help="to be seen (default: the first)")


args = nets.parse(__doc__, add_options)
data = nets.load(args)
if args.target and args.target not in data.classes:
    ending.stop(f"--target: expected one of {', '.join(data.classes)}")
target = data.classes.index(args.target) if args.target else 0
side = args.side or max(2, data.size // 3)
if side > data.size:
    ending.stop(f"--side: the images have {data.size} pixels")
model = nets.learned(args, data)
half = min(1000, len(data.test.x) // 2)
others = data.test.y != target
x = data.test.x[:half][others[:half]].to(args.device)           # to learn the patch from
tested, own = data.test.x[half:2 * half][others[half:2 * half]].to(args.device), data.test.y[half:2 * half]
own = own[own != target]
patch = interpret.adversarial_patch(model, x, target, side, args.steps)
real = data.test.x[(~others).nonzero()[0, 0]].to(args.device)
middle = (data.size - side) // 2
patches = {"none": None, "noise": minidl.rand_like(patch), "a piece of a real one": real[:, middle:middle + side,
           middle:middle + side], "learned": patch}
covered = {name: tested if each is None else interpret.with_patch(tested, each) for name, each in patches.items()}
shares = {}
print(f"{len(tested)} test images of other classes; the patch covers {side ** 2 / data.size ** 2:.1%} of an image")
print(f"patch                     taken for {data.classes[target]}   taken for their own class")
for name, images in covered.items():
    said = nets.scores(model, images).argmax(1)
    shares[name] = (said == target).float().mean().item()
    print(f"{name:<22}{shares[name]:>15.1%}{(said == own).float().mean().item():>25.1%}")


def images(path):
    some = slice(0, 6)
    rows, titles = [], []
    for shown in covered.values():
        said = nets.scores(model, shown[some]).softmax(1).max(1)
        rows.append(shown[some])
        titles += [f"{data.classes[label]} {share:.0%}" for share, label in zip(*(each.tolist() for each in said))]
    caption = "; ".join(f"{name}: {share:.0%}" for name, share in shares.items())
    plots.images(minidl.cat(rows), path, titles, f"taken for {data.classes[target]}, by patch: {caption}", columns=6)


if args.plot:
    classification.draw(args.plot, {"images": images})
