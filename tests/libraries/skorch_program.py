"""A program for PyTorch: skorch trains a network on digits, and searches its rate."""
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping, EpochScoring, LRScheduler
from torch import nn

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X, y = X.astype("float32"), y.astype("int64")


class Net(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.layers(X)


settings = {"criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.Adam, "lr": 0.01, "batch_size": 64, "verbose": 0}
net = NeuralNetClassifier(Net, max_epochs=25, iterator_train__shuffle=True, callbacks=[
    EpochScoring("accuracy", lower_is_better=False, name="accuracy"), EarlyStopping(patience=10),
    LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=10)], **settings)
model = make_pipeline(StandardScaler(), net).fit(X[:1400], y[:1400])
accuracy = model.score(X[1400:], y[1400:])
assert accuracy > 0.87 and model.predict_proba(X[:5]).shape == (5, 10), accuracy
assert net.history[-1]["train_loss"] < net.history[0]["train_loss"]

search = GridSearchCV(NeuralNetClassifier(Net, max_epochs=4, train_split=None, **settings),
                      {"lr": [1e-5, 0.01], "module__width": [16]}, cv=2, scoring="accuracy").fit(X[:400] / 16, y[:400])
assert search.best_params_["lr"] == 0.01

line = NeuralNetRegressor(nn.Linear, module__in_features=1, module__out_features=1, max_epochs=40, lr=0.1, verbose=0)
points = np.linspace(-1, 1, 64, dtype="float32")[:, None]
assert line.fit(points, 2 * points + 1).score(points, 2 * points + 1) > 0.95
print(f"accuracy {accuracy:.3f}")
