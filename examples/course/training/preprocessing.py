"""Preprocessing: clouds of points as they come, centred, scaled, turned to their axes, and whitened.

Images are centred by the mean image (AlexNet) or by the mean of each channel (VGG), and divided by the deviation of
each channel (ResNet); turning by PCA and whitening are rare. What it is for is measured: the rounder the cloud, the
larger the steps that gradient descent may take, and the fewer it needs. Its rate is limited by the largest eigenvalue
of the covariance (with the mean), its time by the smallest: the table has their quotient.

    python examples/course/training/preprocessing.py
    python examples/course/training/preprocessing.py --seed 1 --plot plots
"""
import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots
from minidl.vision.datasets import Digits

STEPS = 20_000          # at most


def whitening(x):
    """Directions (columns) and variances of centred points (N, D)."""
    variance, directions = minidl.linalg.eigh(x.T @ x / len(x))
    return directions.flip(1), variance.flip(0)


def prepared(x):
    """Points (N, D) after each step."""
    centred = x - x.mean(0)
    scaled = centred / centred.std(0, correction=0)
    directions, variance = whitening(centred)
    turned = centred @ directions
    return {"as they come": x, "centred": centred, "and scaled": scaled, "centred, turned": turned,
            "whitened": turned / (variance + 1e-6).sqrt()}


def descent(x, y):
    """The quotient of the extreme eigenvalues of least squares with a bias, and steps until its loss is within 1 %."""
    inputs = minidl.cat([x, minidl.ones(len(x), 1, dtype=x.dtype)], 1)
    values = minidl.linalg.eigvalsh(inputs.T @ inputs / len(x))
    best = (inputs @ minidl.linalg.lstsq(inputs, y[:, None]).solution - y[:, None]).square().mean().item()
    start = y.square().mean().item()
    w, rate = minidl.zeros(inputs.shape[1], dtype=x.dtype), 1 / values[-1].item()
    for step in range(1, STEPS + 1):
        error = inputs @ w - y
        if error.square().mean().item() < best + 0.01 * (start - best):
            return (values[-1] / values[0]).item(), step
        w = w - rate * (inputs.T @ error) / len(x)
    return (values[-1] / values[0]).item(), None


def main():
    args = lesson.parse(__doc__)
    minidl.set_default_dtype(minidl.float64)
    points = minidl.randn(400, 2) @ minidl.tensor([[2.0, 1.2], [0.0, 0.6]]) + minidl.tensor([6.0, 3.0])
    target = points @ minidl.tensor([0.5, -1.0]) + 1 + 0.1 * minidl.randn(400)
    clouds = prepared(points)
    print(f"{'':16}           means      deviations  correlation  quotient  steps of gradient descent")
    for name, x in clouds.items():
        means, deviations = x.mean(0).tolist(), x.std(0).tolist()
        correlation = ((x - x.mean(0)).prod(1).mean() / x.std(0).prod()).item()
        quotient, steps = descent(x, target)
        print(f"{name:16} {means[0]:7.2f} {means[1]:7.2f} {deviations[0]:7.2f} {deviations[1]:7.2f} "
              f"{correlation:12.2f} {quotient:9.4g}  {steps or 'more than 20,000'}")

    images = Digits(train=True).data.double() / 16
    flat = images.flatten(1)
    kept = flat[:, flat.std(0) > 0.02]          # pixels at the edge that are always black have no scale
    parity = (Digits(train=True).targets % 2).double() * 2 - 1
    print(f"\n{len(kept)} digits of {kept.shape[1]} pixels, and whether they are odd")
    for name, x in prepared(kept).items():
        quotient, steps = descent(x, parity)
        print(f"{name:16} quotient {quotient:12.4g}  {f'{steps:,}' if steps else 'more than 20,000'} steps")

    def picture(path):
        figure, axes = lesson.grid(1, len(clouds), 2.5, 2.7)
        for panel, (name, x) in zip(axes.flat, clouds.items()):
            panel.scatter(*x.T.numpy(), s=3)
            panel.axhline(0, color="gray", linewidth=0.8)
            panel.axvline(0, color="gray", linewidth=0.8)
            panel.set(xlim=(-7, 13), ylim=(-8, 12), aspect="equal", title=name)
        plots.save(figure, path)

    def eyes(path):
        """Digits with the mean image taken away, and whitened."""
        mean = images.mean(0)
        centred = (images - mean).flatten(1)
        directions, variance = whitening(centred)
        white = centred[:8] @ directions / (variance + 0.01).sqrt() @ directions.T       # turned back: ZCA
        rows = minidl.cat([images[:8], (images[:8] - mean) / 2 + 0.5, white.view(8, 8, 8) / 6 + 0.5])
        plots.images(rows, path, caption="digits; less the mean image; whitened and turned back (ZCA)")
    if args.plot:
        draw(args.plot, {"clouds": picture, "digits": eyes})
    minidl.set_default_dtype(minidl.float32)


if __name__ == "__main__":
    main()
