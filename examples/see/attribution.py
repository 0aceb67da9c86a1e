"""What a score owes to each pixel: eight methods on the same images, and four questions that tell them apart.

Slopes by backpropagation (Simonyan, Vedaldi and Zisserman, 2014) and by trying changes up and down; SmoothGrad,
integrated gradients, guided backprop, deconvolution; and a grey square that slides over the image (Zeiler and Fergus,
2014). Does the score fall fast if the pixels vanish that a map puts first (deletion), and rise if they come
(insertion)? Does the map change if the network forgets its last layers (Adebayo et al., 2018)? Is the sum of
integrated gradients the rise of the score?

    python examples/see/attribution.py
    python examples/see/attribution.py --dataset mnist --data DIR --compiled --plot plots
"""
import drawing
import nets

import minidl
from minidl import interpret
from minidl.cli import arguments, classification
from minidl.train import plots


def add_options(parser):
    parser.add_argument("--tested", type=arguments.whole_number(1), default=12, metavar="N",
                        help="images for the figures (default: 12)")
    parser.add_argument("--differences", type=arguments.whole_number(1), default=1, metavar="N",
                        help="images of which each channel of each pixel is changed (default: 1)")


args = nets.parse(__doc__, add_options)
data = nets.load(args)
model = nets.learned(args, data)
right = nets.scores(model, data.test.x, args.device).argmax(1) == data.test.y
chosen = right.nonzero().flatten()[:args.tested]
x, y = data.test.x[chosen].to(args.device), data.test.y[chosen].to(args.device)
side = max(2, data.size // 8)


def probability(images):
    return model(images).softmax(1)


def methods(model):
    """Each method as a function of images and targets."""
    window, step = (data.channels, side, side), (data.channels, max(1, side // 2), max(1, side // 2))
    smooth = interpret.NoiseTunnel(interpret.Saliency(model))
    return {
        "saliency": interpret.Saliency(model).attribute,
        "SmoothGrad": lambda x, target: smooth.attribute(x, nt_samples=16, stdevs=0.1, target=target),
        "integrated": lambda x, target: interpret.IntegratedGradients(model).attribute(
            x, 0.4, target, n_steps=32, internal_batch_size=256),
        "guided": interpret.GuidedBackprop(model).attribute,
        "deconvolution": interpret.Deconvolution(model).attribute,
        "Grad-CAM": lambda x, target: interpret.GradCAM(model)(x, target)[:, None],
        "occlusion": lambda x, target: interpret.Occlusion(model).attribute(
            x, window, step, 0.4, target, perturbations_per_eval=16),
    }


def importance(found):
    """One number for each pixel (N, H, W): the largest over the channels, as the paper on saliency has it."""
    return found.abs().amax(1)


found = {name: method(x, y) for name, method in methods(model).items()}
found["random"] = minidl.randn_like(x)
states = interpret.cascading_randomization(model)
forgotten = next(changed for name, changed in states if name.endswith("conv4"))     # the linear layer and one more
after = {name: method(x, y) for name, method in methods(forgotten).items()}
curves = {kind: {name: measure(probability, x, importance(each), y, baseline=0.4).mean(1)
                 for name, each in found.items()} for kind, measure in (
                     ("deletion", interpret.deletion_curve), ("insertion", interpret.insertion_curve))}
print("method          deletion   insertion   likeness after forgetting")
for name, each in found.items():
    fall, rise = (curves[kind][name].mean().item() for kind in curves)
    same = f"{interpret.rank_correlation(importance(each), importance(after[name])).mean().item():>15.2f}" \
        if name in after else ""
    print(f"{name:<14}{fall:>10.3f}{rise:>12.3f}{same}")

_, delta = interpret.IntegratedGradients(model).attribute(x, 0.4, y, n_steps=100, internal_batch_size=256,
                                                          return_convergence_delta=True)
with minidl.no_grad():
    score = [model(images)[minidl.arange(len(y)), y] for images in (x, minidl.full_like(x, 0.4))]
rises = score[0] - score[1]
share = (delta.abs().sum() / rises.abs().sum()).item()
print(f"integrated gradients are complete to {share:.2%} of the rise of the score")
few = slice(0, args.differences)
tried = interpret.FiniteDifferences(model).attribute(x[few], y[few])      # a sure probability is as good as constant
slopes = interpret.Saliency(model).attribute(x[few], y[few], abs=False)
print(f"rank correlation of slopes by differences and by backpropagation: "
      f"{interpret.rank_correlation(tried, slopes).mean().item():.2f}")


def images(path):
    """Every map of up to six images; signed where a method has signs."""
    some = slice(0, 6)
    rows, titles = [x[some].expand(-1, 3, -1, -1)], [data.classes[label] for label in y[some].tolist()]
    for name, each in {**found, "differences": tried}.items():
        each = each[some]
        maps = importance(each)
        maps = (maps / maps.flatten(1).quantile(0.99, dim=1)[:, None, None].clamp(min=1e-12)).clamp(max=1)
        rows.append(drawing.signed(each) if name in ("integrated", "guided", "occlusion") else
                    maps[:, None].expand(-1, 3, -1, -1))
        titles += [name] * len(maps)
    plots.images(minidl.cat([each.cpu() for each in rows]), path, titles,
                 "bright: the score depends on it; red speaks for the class, blue against it", columns=len(rows[0]))


def both(path):
    """Probability over the share of pixels that have vanished, or come."""
    figure = plots.figure(10, 4)
    for axes, (kind, each) in zip(figure.subplots(1, 2, sharey=True), curves.items()):
        for name, curve in each.items():
            axes.plot(minidl.linspace(0, 1, len(curve)).tolist(), curve.tolist(), label=name,
                      color="0.6" if name == "random" else None)
        axes.set(xlabel="share of the pixels", title=kind, ylabel="probability of the class")
    axes.legend(fontsize=8)
    plots.save(figure, path)


if args.plot:
    classification.draw(args.plot, {"images": images, "curves": both})
