"""Where a network looks: class activation maps, Grad-CAM and occlusion, asked to point at a shape among others.

The network has learned which kinds of shapes there are in a scene, and never heard where. Then it is asked for each. If
the largest value of the map lies in the box of the shape, or beside it by at most 15 pixels of 224, that is a hit (the
pointing game of Zhang et al., 2016). Where pooling and the last layer commute, the class activation map (Zhou et al.,
2016) is the score place by place, and Grad-CAM (Selvaraju et al., 2017) the same map. A ViT, a Swin and a CCT need no
other code.

    python examples/see/gradcam.py
    python examples/see/gradcam.py --model swin --plot plots
    python examples/see/gradcam.py --dataset tinyplaces --data DIR --compiled --plot plots
"""
import drawing
import nets
import scenes

import minidl
from minidl import interpret
from minidl.cli import arguments, classification
from minidl.train import plots


def add_options(parser):
    parser.add_argument("--model", choices=["net", *nets.PARTS], default="net", help="which network (default: net)")
    parser.add_argument("--scenes", type=arguments.whole_number(1), default=100, metavar="N",
                        help="of shapes, to point at (default: 100)")


args = nets.parse(__doc__, add_options)
data = nets.load(args)
model = nets.learned(args, data, nets.PARTS.get(args.model))
methods = {"Grad-CAM": interpret.GradCAM(model)}
if args.model == "net" or args.model == "swin":
    methods = {"CAM": interpret.CAM(model), **methods}


def occlusion(x, target):
    """The mean fall of the score where a grey square of a sixth of the image lies."""
    side = max(2, data.size // 6)
    found = interpret.Occlusion(model).attribute(x, (data.channels, side, side), (data.channels, side // 2, side // 2),
                                                 0.4, target, perturbations_per_eval=16)
    falls = found.sum(1).clamp(min=0)
    return falls / falls.amax((1, 2), keepdim=True).clamp(min=1e-9)


methods["occlusion"] = occlusion


def pointing():
    """Each method's share of hits, and of the map inside the box, for every shape of scenes of one and of two."""
    for number in (1, 2):
        found = scenes.draw(args.scenes, args.seed + 2, (number, number), apart=True)
        for name, method in methods.items():
            maps, boxes = [], []
            for shape in range(number):
                labels = minidl.stack([target["labels"][shape] - 1 for target in found.targets])
                for x, target in zip(found.x.split(50), labels.split(50)):
                    maps.append(method(x.to(args.device), target.to(args.device)).cpu())
                boxes += [target["boxes"][shape] for target in found.targets]
            maps, boxes = minidl.cat(maps), minidl.stack(boxes)
            hits = [interpret.pointing_game(maps, boxes, tolerance) for tolerance in (scenes.SIZE / 15, 0)]
            area = (boxes[:, 2:] - boxes[:, :2]).prod(1).mean().item() / scenes.SIZE ** 2
            energy = interpret.energy_inside(maps, boxes).mean().item()
            print(f"{number:>6}  {name:<10}{hits[0]:>8.1%}{hits[1]:>13.1%}{energy:>15.1%}{area:>14.1%}")


def agreement():
    """The mean rank correlation of each pair of maps."""
    x, y = data.test.x[:100].to(args.device), data.test.y[:100].to(args.device)
    found = {name: method(x, y) for name, method in methods.items()}
    for first, second in zip(found, list(found)[1:]):
        print(f"rank correlation of {first} and {second}: "
              f"{interpret.rank_correlation(found[first], found[second]).mean().item():.2f}")


if args.dataset == "shapes":
    print("shapes  method        hits   in the box   energy there   box / image")
    pointing()
agreement()


def of_all_classes(path):
    """The maps of the five most likely classes of one image each, and of one class over images."""
    x = data.test.x[:5].to(args.device)
    said = nets.scores(model, x).softmax(1)
    rows, titles = [], []
    for image, shares in zip(x, said):
        rows.append(image[None].cpu().expand(1, 3, -1, -1))
        titles.append("image")
        for share, label in zip(*(each.tolist() for each in shares.topk(min(5, len(data.classes))))):
            rows.append(drawing.maps_on(image[None], methods["Grad-CAM"](image[None], label)))
            titles.append(f"{data.classes[label]} {share:.0%}")
    plots.images(minidl.cat(rows), path, titles, "what speaks for each class: one scale for each map",
                 columns=len(rows) // 5)


def of_two(path):
    """Scenes of two shapes, and what each method points at if it is asked for one, then for the other."""
    found = scenes.draw(6, args.seed + 2, (2, 2), apart=True)
    rows, titles = [found.x], ["scene"] * 6
    for shape in range(2):
        labels = minidl.stack([target["labels"][shape] - 1 for target in found.targets])
        for name, method in methods.items():
            rows.append(drawing.maps_on(found.x, method(found.x.to(args.device), labels.to(args.device))))
            titles += [f"{data.classes[label]}: {name}" for label in labels.tolist()]
    plots.images(minidl.cat(rows), path, titles, "asked for one shape, then for the other", columns=6)


if args.plot:
    pictures = {"classes": of_all_classes, **({"two": of_two} if args.dataset == "shapes" else {})}
    classification.draw(args.plot, {f"{args.model}_{name}": each for name, each in pictures.items()})
