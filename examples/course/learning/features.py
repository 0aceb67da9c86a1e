"""Features or a network: hand-made numbers and a classifier, or all layers trained together.

A histogram of the directions of slopes in each corner of an image (Dalal, Triggs 2005) is a feature that a person
thought of. The last hidden layer of a network is one that was learned: take the last layer off, and use what is before
it as a description of the image (Krizhevsky 2012). Either serves a linear classifier, and neighbours as well. Test
images are also shown shifted by a pixel, which pixels do not forgive.

    python examples/course/learning/features.py
    python examples/course/learning/features.py --dataset mnist --data DIR --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.neighbors import KNeighborsClassifier
from minidl.nn import functional as F
from minidl.train import plots
from minidl.train.objective import evaluated
from minidl.vision import models

DEFAULTS = {"digits": {"epochs": 20, "batch_size": 64, "lr": 2e-3},
            "mnist": {"epochs": 1, "batch_size": 64, "lr": 2e-3}}
SLOPES = minidl.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
DIRECTIONS, SHOWN = 8, 5


def histograms(x, parts=4):
    """How much slope there is in each of 8 directions, in parts x parts places of the images: (N, 8 * parts^2)."""
    padded = F.pad(x.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across, down = F.conv2d(padded, minidl.stack([SLOPES, SLOPES.T])[:, None].to(x.device)).unbind(1)
    size = (across * across + down * down).sqrt()
    direction = ((minidl.atan2(down, across) / (2 * minidl.pi) * DIRECTIONS).round().long() % DIRECTIONS)
    each = F.one_hot(direction, DIRECTIONS).permute(0, 3, 1, 2) * size[:, None]
    cells = F.adaptive_avg_pool2d(each, parts).flatten(1)
    return cells / (cells.norm(dim=1, keepdim=True) + 1e-6)


def train(model, x, y, args):
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for _ in range(args.epochs):
        for some in minidl.randperm(len(x)).to(x.device).split(args.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(model(x[some]), y[some]).backward()
            optimizer.step()
    return model


def shift(x):
    """A pixel to the right."""
    return minidl.cat([x[..., :1], x[..., :-1]], -1)


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    x, y, test_x, test_y, data = lesson.tensors(args)
    test_x, test_y, shown_x = test_x[:2000], test_y[:2000], data.test.x
    size = max(data.size, 16)
    enlarge = nn.Upsample(size) if data.size < 16 else nn.Identity()        # LeNet halves its maps twice
    lenet = nn.Sequential(enlarge, models.lenet_caffe(num_classes=len(data.classes), in_channels=data.channels,
                                                      image_size=size)).to(args.device)
    train(lenet, x, y, args)
    head = lenet[1].fc[-1]

    def learned(images):
        kept = []
        with head.register_forward_pre_hook(lambda module, inputs: kept.append(inputs[0])):
            evaluated(lenet, lambda: in_batches(lenet, images))
        return minidl.cat(kept)
    features = {"pixels": lambda images: images.flatten(1), "histograms of slopes": histograms, "network": learned}
    print(f"{args.dataset}: {len(x):,} training images, test accuracy\n"
          "features               numbers    linear   5 neighbours    shifted: linear   5 neighbours")
    rows, nearest = {}, {}
    for name, describe in features.items():
        known, test, moved = describe(x), describe(test_x), describe(shift(test_x))
        linear = head if name == "network" else train(nn.Linear(known.shape[1], len(data.classes)).to(args.device),
                                                       known, y, args)
        vote = KNeighborsClassifier(n_neighbors=5).fit(known, y)
        with minidl.no_grad():
            rows[name] = [right for seen in (test, moved) for right in (
                accuracy(linear(seen), test_y),
                (minidl.as_tensor(vote.predict(seen)).to(args.device) == test_y).float().mean().item())]
        nearest[name] = minidl.as_tensor(vote.kneighbors(moved[:SHOWN], 6, return_distance=False)).cpu()
        print(f"{name:22} {known.shape[1]:7} {rows[name][0]:9.2%} {rows[name][1]:14.2%} "
              f"{rows[name][2]:18.2%} {rows[name][3]:14.2%}")

    def bars(path):
        figure, ((axes,),) = lesson.grid(1, 1, 6.5, 3.6)
        for number, (name, values) in enumerate(rows.items()):
            axes.bar([place + 0.27 * number for place in range(4)], [100 * value for value in values], 0.25, label=name)
        axes.set_xticks([place + 0.27 for place in range(4)], ["linear", "5 neighbours", "shifted:\nlinear",
                                                               "shifted:\n5 neighbours"])
        axes.set(ylabel="test accuracy (%)", ylim=(0, 118))
        axes.legend(ncols=3, fontsize=8)
        plots.save(figure, path)

    def neighbours(path):
        rows = [minidl.cat([shift(shown_x[number:number + 1]), data.train.x[nearest[name][number]]])
                for number in range(SHOWN) for name in ("pixels", "network")]
        titles = [title for number in range(SHOWN) for name in ("pixels", "network") for title in
                  (name, *(data.classes[label] for label in data.train.y[nearest[name][number]].tolist()))]
        plots.images(minidl.cat(rows).float() / 255, path, titles, "a shifted test image, and the training images that "
                     "are nearest by pixels, then by the network's features", 7)
    if args.plot:
        draw(args.plot, {"accuracy": bars, "neighbours": neighbours})


if __name__ == "__main__":
    main()
