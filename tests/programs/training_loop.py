"""Train a small network on points in a square, as a user would: layers, a loader, an optimizer, a schedule."""
from typing import TYPE_CHECKING

import minidl
import minidl.nn.functional as F
from minidl import Tensor, nn, optim
from minidl.utils.data import DataLoader, TensorDataset

if TYPE_CHECKING:
    from typing_extensions import assert_type


def accuracy(model: nn.Module, loader: DataLoader) -> float:
    """The share of points that the model puts on the right side."""
    model.eval()
    right = total = 0
    with minidl.no_grad():
        for x, y in loader:
            right += int((model(x).argmax(dim=1) == y).sum().item())
            total += len(y)
    return right / total


def main() -> None:
    minidl.manual_seed(0)
    device = minidl.device("cuda" if minidl.cuda.is_available() else "cpu")
    x = minidl.rand(200, 2, dtype=minidl.float32) * 2 - 1
    y = (x.square().sum(dim=1) < 0.5).long()
    loader = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)

    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, 2)).to(device)
    nn.init.xavier_uniform_(model[0].weight)
    optimizer = optim.AdamW(model.parameters(), lr=0.03)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for _ in range(20):
        model.train()
        for inputs, labels in loader:
            loss = F.cross_entropy(model(inputs.to(device)), labels.to(device))
            if TYPE_CHECKING:       # what an editor says
                assert_type(loss, Tensor)
                assert_type(loss.grad, Tensor | None)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        scheduler.step()
    scores: Tensor = model(x)
    values, classes = scores.max(dim=1)
    right = (classes == y).float().mean()
    if TYPE_CHECKING:
        assert_type(x, Tensor)
        assert_type(y, Tensor)
        assert_type(values, Tensor)
        assert_type(scores.max(), Tensor)
        assert_type(scores.softmax(-1), Tensor)
        assert_type(minidl.cat([x, x]), Tensor)
        assert_type(right, Tensor)
    print(f"{100 * accuracy(model, loader):.0f} %")


if __name__ == "__main__":
    main()
