"""A multi-layer perceptron from its parameters, without a single layer of the library.

Weights of 0.01 N(0, 1), zero biases, an own ReLU, a product of matrices, cross-entropy, and SGD. For images of 28x28
it has 784 x 256 + 256 + 256 x 10 + 10 = 203,530 parameters.

    python examples/course/learning/mlp_from_parameters.py
    python examples/course/learning/mlp_from_parameters.py --dataset fashion --data DIR --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import lesson
from minidl.cli.classification import accuracy, draw
from minidl.train import plots

DEFAULTS = {name: {"epochs": 10, "batch_size": 256, "lr": 0.1} for name in ("fashion", "mnist", "digits")}
DEFAULTS["digits"] = {"epochs": 60, "batch_size": 32, "lr": 0.1}
HIDDEN = 256


def network(pixels, classes):
    """The parameters, and the function of images that they make."""
    W1 = nn.Parameter(0.01 * minidl.randn(pixels, HIDDEN))
    b1 = nn.Parameter(minidl.zeros(HIDDEN))
    W2 = nn.Parameter(0.01 * minidl.randn(HIDDEN, classes))
    b2 = nn.Parameter(minidl.zeros(classes))

    def relu(x):
        return minidl.max(x, minidl.zeros_like(x))

    def net(x):
        return relu(x.reshape(-1, pixels) @ W1 + b1) @ W2 + b2
    return [W1, b1, W2, b2], net


def main():
    args = lesson.parse(__doc__, defaults={"digits": DEFAULTS.pop("digits"), **DEFAULTS})
    x, y, test_x, test_y, data = lesson.tensors(args)
    parameters, net = network(x[0].numel(), len(data.classes))
    parameters = [p.to(args.device) for p in parameters] if args.device != "cpu" else parameters
    print(f"{args.dataset}: {len(x):,} images; {sum(p.numel() for p in parameters):,} parameters")
    loss, optimizer, history = nn.CrossEntropyLoss(), optim.SGD(parameters, lr=args.lr), []
    print("epoch   loss   training   test")
    for epoch in range(1, args.epochs + 1):
        losses = []
        for some in minidl.randperm(len(x)).to(x.device).split(args.batch_size):
            error = loss(net(x[some]), y[some])
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            losses.append(error.item())
        with minidl.no_grad():
            row = {"epoch": epoch, "loss": sum(losses) / len(losses), "training accuracy": accuracy(net(x), y),
                   "test accuracy": accuracy(net(test_x), test_y)}
        history.append(row)
        if epoch % max(1, args.epochs // 10) == 0:
            print(f"{epoch:5} {row['loss']:6.3f} {row['training accuracy']:9.2%} {row['test accuracy']:8.2%}")
    if args.plot:
        draw(args.plot, {"curves": lambda path: plots.curves(history, path)})


if __name__ == "__main__":
    main()
