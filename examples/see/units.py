"""One window for a unit: what excites it, where, why, and what it would like to see.

For a channel of a layer: the patches of the data that excite it most, cut out by its receptive field (Springenberg et
al., 2015); where it answers in these images; what speaks for the answer by guided backprop; and images that are made by
gradient ascent from several starts (Yosinski et al., "Understanding Neural Networks through Deep Visualization", 2015).

    python examples/see/units.py
    python examples/see/units.py --layer features.relu3 --unit 5 9 --plot plots
    python examples/see/units.py --dataset tinyplaces --data DIR --compiled --plot plots
"""
import drawing
import nets
import zoo

import minidl
from minidl import interpret, nn
from minidl.cli import arguments, classification, ending
from minidl.nn import functional as F
from minidl.train import plots

PATCHES = 6


def add_options(parser):
    parser.add_argument("--layer", default="features.relu3", metavar="NAME", help="(default: features.relu3)")
    parser.add_argument("--unit", type=arguments.whole_number(0), nargs="+", metavar="N",
                        help="channels of the layer; by default, the three that answer most to one class")
    parser.add_argument("--steps", type=arguments.whole_number(1), default=60, metavar="N",
                        help="of the ascent (default: 60)")


def check(model):
    """Refuse a layer that there is not, or has no channels at places, and a channel that it has not."""
    zoo.check_layers(model, [args.layer])
    model.eval()        # the look at one image shall change nothing
    maps, = interpret.activations(model, [model.get_submodule(args.layer)], x[:1])
    if maps.ndim != 4:
        ending.stop(f"--layer: {args.layer} answers for the image as a whole; try features.relu3")
    if args.unit and max(args.unit) >= maps.shape[1]:
        ending.stop(f"--unit: expected channels below {maps.shape[1]}")


args = nets.parse(__doc__, add_options)
data = nets.load(args)
x = data.test.x[:1000].to(args.device)
model = nets.learned(args, data, check=check)
layer = model.get_submodule(args.layer)
top = interpret.top_patches(model, layer, x, 9)
width = (top.boxes[..., 2:] - top.boxes[..., :2]).max().item()
print(f"{args.layer}: {len(top.values)} units; one sees up to {width}x{width} pixels")
classes = data.test.y[top.images.cpu()]
purity = (classes == classes.mode(1).values[:, None]).float().mean(1)
units = args.unit or (purity + 1e-3 * top.values[:, 0].cpu()).topk(3).indices.tolist()


class Unit(nn.Module):
    """The mean of a unit over an image: its score."""

    def __init__(self, unit):
        super().__init__()
        self.model, self.unit = model, unit

    def forward(self, images):
        return interpret.activations(self.model, [layer], images)[0][:, self.unit].mean((1, 2))


def patches(unit):
    """The patches that excite it most, enlarged to one size; grey is beyond the image."""
    found = []
    for number, (left, upper, right, lower) in zip(top.images[unit, :PATCHES].tolist(), top.boxes[unit].tolist()):
        across, down = width - (right - left), width - (lower - upper)
        margins = (0, across) if left else (across, 0), (0, down) if upper else (down, 0)
        patch = F.pad(x[number:number + 1, :, upper:lower, left:right], (*margins[0], *margins[1]), value=0.5)
        found.append(F.interpolate(patch, size=x.shape[2:], mode="nearest"))
    return minidl.cat(found)


def facets(unit):
    """Images that it would like to see, from grey noise of several seeds."""
    size, see = x.shape[2:], Unit(unit)
    start = (0.5 + 0.2 * minidl.randn(PATCHES, x.shape[1], size[0] // 2, size[1] // 2).to(args.device)).clamp(0, 1)
    made = interpret.gradient_ascent(lambda small: see(F.interpolate(small, size=size, mode="bilinear")), start,
                                     args.steps, smooth=2.0, jitter=1)
    return F.interpolate(made, size=size, mode="bilinear")


made = {unit: facets(unit) for unit in units}
print("unit   largest   in its images   in those made for it   the nine largest are of")
for unit in units:
    with minidl.no_grad():
        before, after = Unit(unit)(x[top.images[unit, :PATCHES]]).mean(), Unit(unit)(made[unit]).mean()
    names = {data.classes[label]: (classes[unit] == label).sum().item() for label in classes[unit].unique().tolist()}
    print(f"{unit:>4}{top.values[unit, 0].item():>10.2f}{before.item():>16.3f}{after.item():>23.3f}   "
          f"{', '.join(f'{name} {count}' for name, count in sorted(names.items(), key=lambda each: -each[1]))}")


def window(unit):
    def draw(path):
        best = x[top.images[unit, :PATCHES]]
        with minidl.no_grad():
            maps = interpret.activations(model, [layer], best)[0][:, unit]
            silent = (Unit(unit)(made[unit]) == 0).tolist()         # it was at the start, where nothing leads uphill
        maps = F.interpolate(maps[:, None], size=best.shape[2:], mode="bilinear")[:, 0].clamp(min=0)
        why = interpret.GuidedBackprop(Unit(unit)).attribute(best)
        maps = maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-9)
        rows = [best.expand(-1, 3, -1, -1), drawing.maps_on(best, maps), patches(unit).expand(-1, 3, -1, -1),
                drawing.signed(why), made[unit].expand(-1, 3, -1, -1)]
        titles = []
        for name in ("image", "where it answers", "what it sees there", "what speaks for it", "made for it"):
            titles += [name] + [""] * (PATCHES - 1)
        titles[-PATCHES:] = ["silent" if nothing else title for title, nothing in zip(titles[-PATCHES:], silent)]
        plots.images(minidl.cat([each.cpu() for each in rows]), path, titles,
                     f"unit {unit} of {args.layer}", columns=PATCHES)
    return draw


if args.plot:
    classification.draw(args.plot, {str(unit): window(unit) for unit in units})
