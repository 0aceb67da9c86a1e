"""Films of digits that move, and the flow between their frames."""
import minidl
from minidl.nn import functional as F
from minidl.vision.datasets import Digits

MOTIONS = ["left", "right", "up", "down", "clockwise", "anticlockwise", "grows", "shrinks"]
FRAMES, SIDE = 8, 20


def made(count, train):
    """Films (N, FRAMES, SIDE, SIDE) of digits, and their motions; the digits are those to learn from, or to test with.

    Frame t shows the digit under the map x -> s_t R_t (x - p_t), as `affine_grid` and `grid_sample` have it.
    """
    digits, kinds = Digits(train=train), minidl.arange(count) % len(MOTIONS)
    shown = digits.data[minidl.randint(len(digits), (count,))].float() / 16
    time = minidl.linspace(-1, 1, FRAMES)

    def between(low, high):
        return low + (high - low) * minidl.rand(count, 1)

    def only(motion, opposite):
        return ((kinds == MOTIONS.index(motion)).float() - (kinds == MOTIONS.index(opposite)).float())[:, None] * time
    x = between(-0.25, 0.25) + between(0.25, 0.4) * only("right", "left")
    y = between(-0.25, 0.25) + between(0.25, 0.4) * only("down", "up")
    angle = between(-0.5, 0.5) + between(0.5, 0.8) * only("clockwise", "anticlockwise")
    size = (between(-0.2, 0.2) + between(0.35, 0.5) * only("grows", "shrinks")).exp() * 0.55
    cos, sin = angle.cos() / size, angle.sin() / size
    maps = minidl.stack([cos, sin, -cos * x - sin * y, -sin, cos, sin * x - cos * y], -1).unflatten(-1, (2, 3))
    grid = F.affine_grid(maps.flatten(0, 1), [count * FRAMES, 1, SIDE, SIDE], align_corners=False)
    frames = F.grid_sample(shown.repeat_interleave(FRAMES, 0)[:, None], grid, align_corners=False)
    return (frames.reshape(count, FRAMES, SIDE, SIDE) + 0.05 * minidl.randn(count, FRAMES, SIDE, SIDE)), kinds


def flow(films, window=5, least=0.02):
    """The motion (N, FRAMES - 1, 2, SIDE, SIDE) between frames, by least squares in windows.

    Lucas and Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision", 1981.
    """
    before, after = films[:, :-1], films[:, 1:]
    mean = (before + after) / 2
    dx = F.pad(mean[..., 2:] - mean[..., :-2], (1, 1, 0, 0)) / 2
    dy = F.pad(mean[..., 2:, :] - mean[..., :-2, :], (0, 0, 1, 1)) / 2
    dt = after - before
    a, b, c, d, e = (F.avg_pool2d(x, window, 1, window // 2) for x in (dx * dx, dx * dy, dy * dy, dx * dt, dy * dt))
    a, c = a + least, c + least
    return minidl.stack([b * e - c * d, b * d - a * e], 2) / (a * c - b * b)[:, :, None]
