"""What changes an image but not its class, and which classes are hard.

Every pixel changes when the camera moves, or the light does, or something stands in front. One network is asked about
the same test images under such changes; then which classes it finds easy; and how often the right class is among its k
best. Where an image may have several right classes, any of them counts.

    python examples/course/learning/nuisances.py
    python examples/course/learning/nuisances.py --dataset mnist --data DIR --plot plots
"""
import minidl
from minidl import optim
from minidl.cli import lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.metrics import functional as metrics
from minidl.nn import functional as F
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.vision import models
from minidl.vision.transforms import functional as change

DEFAULTS = {"digits": {"epochs": 20, "batch_size": 64, "lr": 2e-3},
            "mnist": {"epochs": 1, "batch_size": 64, "lr": 2e-3}}


def covered(x):
    """A sixteenth of the image, in its middle, is black."""
    side = x.shape[-1] // 4
    x = x.clone()
    x[..., side:2 * side, side:2 * side] = 0
    return x


CHANGES = {     # of images from 0 to 1
    "none": lambda x: x,
    "moved": lambda x: minidl.roll(x, x.shape[-1] // 8, -1),
    "turned by 20°": lambda x: change.rotate(x, 20.0),
    "smaller": lambda x: change.affine(x, 0.0, [0, 0], 0.75, [0.0, 0.0]),
    "half as bright": lambda x: x / 2,
    "on a grey ground": lambda x: 0.4 + 0.6 * x,
    "negative": lambda x: 1 - x,
    "covered in part": covered,
    "noisy": lambda x: (x + 0.3 * minidl.randn(x.shape).to(x.device)).clamp(0, 1),
}


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    x, y, _, _, data = lesson.tensors(args)
    size = max(data.size, 16)
    model = models.lenet_caffe(num_classes=len(data.classes), in_channels=data.channels, image_size=size)
    model = minidl.nn.Sequential(minidl.nn.Upsample(size), model).to(args.device)       # LeNet halves its maps twice
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for _ in range(args.epochs):
        for some in minidl.randperm(len(x)).to(x.device).split(args.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(model(x[some]), y[some]).backward()
            optimizer.step()
    pixels, right = data.test.x.to(args.device).float() / 255, data.test.y
    shown, scores = {}, {}
    print(f"{args.dataset}: accuracy on {len(pixels):,} test images")
    for name, function in CHANGES.items():
        shown[name] = function(pixels)
        seen = data.normalise((255 * shown[name]).round().to(minidl.uint8))
        scores[name] = evaluated(model, lambda seen=seen: in_batches(model, seen)).cpu()
        print(f"{name:22} {accuracy(scores[name], right):8.2%}")
    print("\nthe right class is among the")
    for k in (1, 2, 3, 5):
        found = metrics.accuracy(scores["noisy"], right, task="multiclass", num_classes=len(data.classes),
                                 average="micro", top_k=k)
        print(f"{k} best, of noisy images  {found.item():8.2%}")
    parity = (minidl.arange(len(data.classes)) + right[:, None]) % 2 == 0
    said = scores["noisy"].argmax(1)
    print(f"any of several classes is right, here an odd one for an odd one: "
          f"{parity.gather(1, said[:, None]).float().mean().item():.2%}")
    each = metrics.accuracy(scores["noisy"], right, task="multiclass", num_classes=len(data.classes), average="none")
    order = each.argsort(descending=True).tolist()
    print("\nclasses of noisy images, the easiest first:",
          ", ".join(f"{data.classes[label]} {each[label].item():.0%}" for label in order))

    def gallery(path):
        rows = [images[number] for number in range(3) for images in shown.values()]
        titles = [f"{name}\n{accuracy(scores[name], right):.1%}" for name in shown] + [""] * 2 * len(shown)
        plots.images(minidl.stack(rows).cpu(), path, titles, "what changes an image but not its class",
                     len(CHANGES))

    def classes(path):
        noisy = shown["noisy"].cpu()
        rows = [noisy[(right == label).nonzero().flatten()[:6]] for label in order]
        titles = [title for label in order for title in (f"{data.classes[label]}: {each[label].item():.0%}", *[""] * 5)]
        plots.images(minidl.cat(rows), path, titles, "noisy images, the easiest class first", 12)
    if args.plot:
        draw(args.plot, {"changes": gallery, "classes": classes})


if __name__ == "__main__":
    main()
