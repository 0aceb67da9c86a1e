"""The families of models: what each is given, what it gives, and what it can say of p(x).

Discriminative models answer in few numbers (a class, a box), generative ones in as many as an image has. Of these some
know the density p(x): exactly, if it is a product of conditionals; or a lower bound on it; or all but its constant, as
Boltzmann machines. Others only draw from it (after Goodfellow's tutorial on GANs, 2016).

    python examples/course/learning/families.py
    python examples/course/learning/families.py --plot plots
"""
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots

TREE = ("models", [
    ("supervised: pairs x, y", [
        ("discriminative: p(y | x)", [
            ("a class", "classify/resnet.py"), ("boxes", "detect/faster_rcnn.py"),
            ("a class a pixel", "segment/unet.py")]),
        ("generative: p(x | y)", [
            ("an image of a class", "generate/conditional_gan.py"), ("an image of an image", "generate/pix2pix.py")])]),
    ("unsupervised: x alone", [
        ("explicit density p(x)", [
            ("exact: autoregressive", "generate/pixelcnn.py"), ("exact: masked autoencoder", "generate/made.py"),
            ("bounded: variational", "generate/vae.py"), ("bounded: diffusion", "generate/diffusion.py"),
            ("up to a constant: Boltzmann", None)]),
        ("implicit density: samples only", [
            ("adversarial", "generate/gan.py"), ("adversarial, styles", "generate/stylegan.py")]),
        ("no density: codes", [
            ("autoencoder", "generate/autoencoder.py"), ("contrast of views", "free_labels/simclr.py")])])])
WIDTH = 3.3         # of a column of the picture, in rows


def lines(name, below, depth=0):
    """Each node as (depth, name, program or None); leaves have a program or nothing below them."""
    if not isinstance(below, list):
        yield depth, name, below
        return
    yield depth, name, None
    for child in below:
        yield from lines(*child, depth + 1)


def place(name, below, depth=0, row=0.0):
    """Nodes as (x, y, name, program, parent's number), and the next free row; a parent is midway of its children."""
    if not isinstance(below, list):
        return [(depth, row, name, below, None)], row + 1
    nodes, tops = [], []
    for child in below:
        found, row = place(*child, depth + 1, row)
        tops.append(len(nodes))
        nodes += [(*node[:4], None if node[4] is None else node[4] + tops[-1]) for node in found]
    middle = (nodes[tops[0]][1] + nodes[tops[-1]][1]) / 2
    moved = [(*node[:4], 0 if i in tops else node[4] + 1) for i, node in enumerate(nodes)]
    return [(depth, middle, name, None, None), *moved], row


def main():
    args = lesson.parse(__doc__)
    for depth, name, program in lines(*TREE):
        print(f"{'  ' * depth + name:44}" + (f"examples/{program}" if program else ""))

    def tree(path):
        nodes, rows = place(*TREE)
        picture = plots.figure(12, 0.42 * rows)
        axes = picture.subplots()
        for x, y, name, program, parent in nodes:
            if parent is not None:
                left, bend = nodes[parent][0] * WIDTH + 0.8, x * WIDTH - 0.25
                axes.plot([left, bend, bend, x * WIDTH - 0.1],
                          [nodes[parent][1], nodes[parent][1], y, y], color="0.7", linewidth=1, zorder=0)
            axes.text(x * WIDTH, y, name, va="center", fontsize=10, backgroundcolor="white")
            if program:
                axes.text((x + 1) * WIDTH - 0.4, y, program, va="center", fontsize=9, family="monospace", color="C0")
        axes.set(xlim=(-0.1, 5.1 * WIDTH), ylim=(rows - 0.4, -0.6))
        axes.set_axis_off()
        plots.save(picture, path)
    if args.plot:
        draw(args.plot, {"tree": tree})


if __name__ == "__main__":
    main()
