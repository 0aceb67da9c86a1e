"""The opponent of a generator, and the figure that tells a collapse."""
import minidl
from minidl import generative, nn, optim
from minidl.cli.generation import Opponent, variety


def opponent():
    minidl.manual_seed(0)
    net = nn.Linear(2, 1)
    optimizer = optim.Adam(net.parameters(), lr=0.5)
    return Opponent(net, optimizer, optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5))


def play(player, steps):
    real, made = minidl.tensor([[1.0, 2.0]]), minidl.tensor([[-1.0, 0.5]])
    return [player.learn(lambda: generative.non_saturating.discriminator(player.net(real), player.net(made)))
            for _ in range(steps)]


def test_an_opponent_goes_on_where_it_stopped():
    whole = play(opponent(), 5)
    first = opponent()
    begun = play(first, 3)
    second = opponent()
    second.load_state_dict(first.state_dict())
    assert begun + play(second, 2) == whole and whole[-1] < whole[0]
    assert second.schedule.get_last_lr() == [0.5 ** 6]


def test_it_judges_without_learning():
    player, made = opponent(), minidl.ones(1, 2, requires_grad=True)
    play(player, 1)
    before = [p.grad.clone() for p in player.net.parameters()]
    generative.non_saturating.generator(player.net(made)).backward()
    assert made.grad.abs().sum() > 0
    assert all(minidl.equal(p.grad, kept) for p, kept in zip(player.net.parameters(), before))


def test_variety():
    real = minidl.tensor([[0.0, 4.0], [2.0, 0.0]]).view(2, 1, 1, 2)
    assert variety(real, real) == 1 and variety(real / 4 + 3, real) == 0.25
    assert variety(real[:1].expand(5, -1, -1, -1), real) == 0
