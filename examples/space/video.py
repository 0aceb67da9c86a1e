"""Films of moving digits: eight motions that no single frame can tell, for five kinds of networks.

A digit moves to one of four sides, turns either way, grows or shrinks; where it is in the middle of the film, and how
large, says nothing of that. Beside each other learn: one frame; the mean over frames, which does not know before from
after; two streams, a frame and the flow between frames (Simonyan and Zisserman, 2014); convolutions in space and time
(Tran et al., 2015); features of each frame into an LSTM (LRCN, Donahue et al., 2015).

    python examples/space/video.py --plot plots
    python examples/space/video.py --motions 4000 --epochs 20 --compiled
"""
import films
import learning
from films import FRAMES, MOTIONS, SIDE

from minidl import nn
from minidl.cli.classification import finish
from minidl.metrics.functional import confusion_matrix
from minidl.nn import functional as F
from minidl.train import plots


def frame_net(channels):
    """Features (N, 64) of images (N, channels, SIDE, SIDE)."""
    return nn.Sequential(nn.Conv2d(channels, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(32 * (SIDE // 4) ** 2, 64), nn.ReLU())


class OneFrame(nn.Module):
    """The frame in the middle."""

    def __init__(self):
        super().__init__()
        self.look, self.decide = frame_net(1), nn.Linear(64, len(MOTIONS))

    def features(self, x):
        return self.look(x[:, FRAMES // 2, None])

    def forward(self, x):
        return self.decide(self.features(x))


class MeanOfFrames(OneFrame):
    """The mean of what each frame shows."""

    def features(self, x):
        return self.look(x.flatten(0, 1)[:, None]).unflatten(0, (-1, FRAMES)).mean(1)


class TwoStreams(OneFrame):
    """The frame in the middle, and the flow between all."""

    def __init__(self):
        super().__init__()
        self.look_at_flow = frame_net(2 * (FRAMES - 1))

    def features(self, x):
        return super().features(x) + self.look_at_flow(films.flow(x).flatten(1, 2))


class SpaceTime(OneFrame):
    """Convolutions over frames as well."""

    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(), nn.MaxPool3d((1, 2, 2)),
                                  nn.Conv3d(8, 32, 3, padding=1), nn.BatchNorm3d(32), nn.ReLU(), nn.MaxPool3d(2),
                                  nn.Flatten(), nn.Linear(32 * FRAMES // 2 * (SIDE // 4) ** 2, 64), nn.ReLU())

    def features(self, x):
        return self.look(x[:, None])


class LRCN(OneFrame):
    """An LSTM over what each frame shows."""

    def __init__(self):
        super().__init__()
        self.recall = nn.LSTM(64, 64, batch_first=True)

    def features(self, x):
        return self.recall(self.look(x.flatten(0, 1)[:, None]).unflatten(0, (-1, FRAMES)))[0][:, -1]


def objective(nets, x, y):
    return sum(F.cross_entropy(net(x), y) for net in nets), {}


def tested():
    return {f"{type(net).__name__} accuracy": learning.accuracy(learning.scores_of(args, net, test_x), test_y)
            for net in nets}


def report():
    print("network       parameters  test accuracy")
    for net in nets:
        right = learning.accuracy(learning.scores_of(args, net, test_x), test_y)
        print(f"{type(net).__name__:12}  {sum(p.numel() for p in net.parameters()):10,}  {right:13.2%}")


args = learning.parse(__doc__, {"motions": {"epochs": 8, "batch_size": 32, "lr": 3e-3}}, count=1000)
train_data, (test_x, test_y) = films.made(args.count, True), films.made(args.test, False)
nets = nn.ModuleList([OneFrame(), MeanOfFrames(), TwoStreams(), SpaceTime(), LRCN()])
history, interrupted = learning.fit(args, nets, train_data, tested, objective)


def motions(path):
    """A film of each motion, a row each."""
    first = [(test_y == kind).nonzero()[0].item() for kind in range(len(MOTIONS)) if (test_y == kind).any()]
    titles = [f"{MOTIONS[kind]}, {frame + 1}" for kind in test_y[first].tolist() for frame in range(FRAMES)]
    plots.images(test_x[first].flatten(0, 1), path, titles, "a film of each motion", columns=FRAMES)


def confusions(path):
    """Which motions each network takes for which."""
    picture = plots.figure(15, 4.3)
    for net, axes in zip(nets, picture.subplots(1, len(nets), sharey=True)):
        said = learning.scores_of(args, net, test_x).argmax(1)
        counts = confusion_matrix(said, test_y, task="multiclass", num_classes=len(MOTIONS), normalize="true")
        axes.imshow(counts.numpy(), cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(len(MOTIONS)), MOTIONS, rotation=90)
        axes.set_yticks(range(len(MOTIONS)), MOTIONS)
        axes.set(title=f"{type(net).__name__}: {learning.accuracy(learning.scores_of(args, net, test_x), test_y):.0%}")
    picture.supylabel("true")
    picture.supxlabel("predicted")
    plots.save(picture, path)


finish(args, history, interrupted, report, {"motions": motions, "confusions": confusions})
