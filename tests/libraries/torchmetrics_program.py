"""A program for PyTorch: torchmetrics' values against scikit-learn's and NumPy's."""
import numpy as np
import sklearn.metrics
import torch
import torchmetrics
from torchmetrics import classification, image, regression

stream = np.random.default_rng(0)
target, labels = stream.integers(0, 2, 60), stream.integers(0, 4, 60)
scores = stream.random(60).astype("float32")
logits = stream.standard_normal((60, 4)).astype("float32")
predicted = logits.argmax(1)
probabilities = torch.from_numpy(logits).softmax(-1)
x, y = stream.standard_normal((2, 60)).astype("float32")

SK = sklearn.metrics
CASES = [
    (classification.BinaryAUROC(), scores, target, SK.roc_auc_score(target, scores)),
    (classification.BinaryAveragePrecision(), scores, target, SK.average_precision_score(target, scores)),
    (classification.BinaryF1Score(), scores, target, SK.f1_score(target, scores > 0.5)),
    (classification.BinaryMatthewsCorrCoef(), scores, target, SK.matthews_corrcoef(target, scores > 0.5)),
    (classification.BinaryCohenKappa(), scores, target, SK.cohen_kappa_score(target, scores > 0.5)),
    (classification.MulticlassAccuracy(4, average="micro"), logits, labels, SK.accuracy_score(labels, predicted)),
    (classification.MulticlassF1Score(4), logits, labels, SK.f1_score(labels, predicted, average="macro")),
    (classification.MulticlassPrecision(4), logits, labels, SK.precision_score(labels, predicted, average="macro")),
    (classification.MulticlassRecall(4), logits, labels, SK.recall_score(labels, predicted, average="macro")),
    (classification.MulticlassConfusionMatrix(4), logits, labels, SK.confusion_matrix(labels, predicted)),
    (classification.MulticlassAUROC(4), probabilities, labels,
     SK.roc_auc_score(labels, probabilities.numpy(), multi_class="ovr")),
    (classification.MulticlassJaccardIndex(4), logits, labels, SK.jaccard_score(labels, predicted, average="macro")),
    (regression.MeanSquaredError(), x, y, SK.mean_squared_error(y, x)),
    (regression.MeanAbsoluteError(), x, y, SK.mean_absolute_error(y, x)),
    (regression.R2Score(), x, y, SK.r2_score(y, x)),
    (regression.ExplainedVariance(), x, y, SK.explained_variance_score(y, x)),
    (regression.PearsonCorrCoef(), x, y, np.corrcoef(x, y)[0, 1]),
    (regression.SpearmanCorrCoef(), x, y, np.corrcoef(x.argsort().argsort(), y.argsort().argsort())[0, 1]),
    (regression.CosineSimilarity(reduction="mean"), x[None], y[None], x @ y / np.sqrt((x @ x) * (y @ y))),
]

for metric, prediction, truth, expected in CASES:
    prediction, truth = torch.as_tensor(prediction), torch.as_tensor(truth)
    half = len(truth) // 2
    if half:
        metric.update(prediction[:half], truth[:half])      # in two batches, as in a loop
    metric.update(prediction[half:], truth[half:])
    value = metric.compute()
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-4, atol=1e-6, err_msg=type(metric).__name__)
    metric.reset()

both = torchmetrics.MetricCollection([classification.MulticlassAccuracy(4), classification.MulticlassF1Score(4)])
assert set(both(torch.from_numpy(logits), torch.from_numpy(labels))) == {"MulticlassAccuracy", "MulticlassF1Score"}
pictures = torch.from_numpy(stream.random((1, 3, 32, 32)).astype("float32"))
assert abs(image.StructuralSimilarityIndexMeasure(data_range=1.0)(pictures, pictures).item() - 1) < 1e-6
noisy = image.PeakSignalNoiseRatio(data_range=1.0)(pictures + 0.1, pictures)
assert abs(noisy.item() - 20) < 1e-3
mean = torchmetrics.MeanMetric()
mean.update(torch.tensor([1.0, 2.0]), weight=torch.tensor([1.0, 3.0]))
assert mean.compute().item() == 1.75
network = torch.nn.Sequential(classification.BinaryAccuracy())     # a metric is a module
assert network.to("cpu") is network and len(list(network.modules())) == 2
print(len(CASES), "metrics agree")
