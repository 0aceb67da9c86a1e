"""Neighbours among features and among pixels, and maps of features: PCA and t-SNE.

The last hidden layer puts images side by side that mean the same, though their pixels differ (Krizhevsky, Sutskever and
Hinton, 2012). On a map of it by t-SNE (van der Maaten and Hinton, 2008) most images have a neighbour of their own
class; two principal components keep less. The first lines say how often that is so, and what t-SNE left undone.

    python examples/see/neighbours.py
    python examples/see/neighbours.py --dataset mnist --data DIR --compiled --plot plots
"""
import nets

import minidl
from minidl import interpret, nn
from minidl.cli import arguments, classification
from minidl.decomposition import PCA
from minidl.manifold import TSNE
from minidl.neighbors import KNeighborsClassifier
from minidl.train import plots
from minidl.vision import models

DEFAULTS = {
    "digits": {"epochs": 10, "batch_size": 64, "lr": 2e-3},
    "mnist": {"epochs": 2, "batch_size": 128, "lr": 2e-3},
    "fashion": {"epochs": 2, "batch_size": 128, "lr": 2e-3},
    "cifar10": {"epochs": 4, "batch_size": 128, "lr": 2e-3},
}


def add_options(parser):
    parser.add_argument("--points", type=arguments.whole_number(20), default=2000, metavar="N",
                        help="test images to map (default: 2,000)")


def lenet(data):
    return models.LeNet([20, 50], [500], nn.ReLU, nn.MaxPool2d, 0, len(data.classes), data.channels, data.size)


args = nets.parse(__doc__, add_options, DEFAULTS)
data = nets.load(args)
model = nets.learned(args, data, lenet)
x, y = (part[:args.points] for part in data.test[:2])
pixels = x.flatten(1)
features = classification.in_batches(
    lambda part: interpret.activations(model, [model.fc[-2]], part.to(args.device))[0].relu(), x).cpu()


def alike(points):
    """The share of points whose nearest neighbour is of their class, and the numbers of the five nearest (N, 5)."""
    near = KNeighborsClassifier(5).fit(points, y).kneighbors(None, return_distance=False)
    near = minidl.as_tensor(near)
    return (y[near[:, 0]] == y).float().mean().item(), near


spaces = {f"{pixels.shape[1]} pixels": pixels, f"{features.shape[1]} features": features}
found = {name: alike(points) for name, points in spaces.items()}
maps = {}
for name, points in spaces.items():
    maps[f"PCA of {name}"] = PCA(2, random_state=args.seed).fit_transform(points)
    fewer = PCA(min(50, *points.shape), random_state=args.seed).fit_transform(points)
    tsne = TSNE(perplexity=min(30, (len(x) - 1) / 3), random_state=args.seed)
    maps[f"t-SNE of {name}"] = tsne.fit_transform(fewer)
    print(f"t-SNE of {name}: divergence {tsne.kl_divergence_:.3f} after {tsne.n_iter_} steps")
found.update({name: alike(points) for name, points in maps.items()})
for name, (share, _) in found.items():
    print(f"{share:>7.2%}  have their nearest neighbour in their class: {name}")


def neighbours(path):
    """Images, their nearest by pixels, and by features."""
    (_, by_pixels), (_, by_features) = list(found.values())[:2]
    wrong = (y[by_pixels[:, 0]] != y).nonzero().flatten()       # where the two differ
    chosen = (wrong if len(wrong) >= 6 else minidl.arange(6))[:6]
    rows, titles = [], []
    for number in chosen.tolist():
        order = [number, *by_pixels[number].tolist(), *by_features[number].tolist()]
        rows.append(x[minidl.tensor(order)])
        titles += [data.classes[y[i]].partition(" ")[0] for i in order]
    plots.images(minidl.cat(rows), path, titles, "an image, the five nearest by pixels, the five nearest by features",
                 columns=11)


def scatter(path):
    """The four maps, coloured by class."""
    figure = plots.figure(10, 9)
    for axes, (name, points) in zip(figure.subplots(2, 2).flat, maps.items()):
        for label, shown in enumerate(data.classes):
            some = points[y == label]
            axes.scatter(some[:, 0], some[:, 1], s=4, color=f"C{label}", label=shown.partition(" ")[0])
        axes.set(title=f"{name}: {found[name][0]:.1%} beside their class", xticks=[], yticks=[])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", markerscale=3)
    plots.save(figure, path)


def places(path):
    """The images themselves, where t-SNE put them: the cells of a grid, each with one that lies there."""
    points = minidl.as_tensor(list(maps.values())[-1])
    side, count = data.size, min(40, 4 * int(len(x) ** 0.4))
    low, high = points.amin(0), points.amax(0)
    cells = ((points - low) / (high - low) * (count - 1)).round().long()
    cells[:, 1] = count - 1 - cells[:, 1]           # rows are counted from the top
    canvas = minidl.ones(x.shape[1], count * side, count * side)
    for image, (column, row) in zip(x, cells.tolist()):
        place = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
        canvas[(slice(None), *place)] = 1 - image if len(image) == 1 else image
    figure = plots.figure(9, 9)
    axes = figure.subplots()
    axes.imshow(canvas.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray")
    axes.set_axis_off()
    axes.set_title("images where t-SNE of the features put them")
    plots.save(figure, path)


if args.plot:
    classification.draw(args.plot, {"neighbours": neighbours, "maps": scatter, "images": places})
