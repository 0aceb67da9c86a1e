"""Box features of small windows, and AdaBoost on stumps that compare one of them with a threshold."""
import numpy as np

SIDE = 8
PASS = 0.995        # of the digits looked for that each stage lets through


def box_features():
    """Corners of all features: lists of (weight, top, left, bottom, right), of two, three and four boxes."""
    found = []
    for down, across, signs in ((1, 2, [1, -1]), (2, 1, [1, -1]), (1, 3, [1, -2, 1]), (3, 1, [1, -2, 1]),
                                (2, 2, [1, -1, -1, 1])):
        for height in range(1, SIDE // down + 1):
            for width in range(1, SIDE // across + 1):
                for top in range(SIDE - down * height + 1):
                    for left in range(SIDE - across * width + 1):
                        corners = [(top + i * height, left + j * width) for i in range(down) for j in range(across)]
                        found.append([(sign, y, x, y + height, x + width) for sign, (y, x) in zip(signs, corners)])
    return found


def values(patches, features):
    """The value (len(features), N) of each feature in patches (N, SIDE, SIDE), from images of sums."""
    patches = (patches - patches.mean((1, 2), keepdims=True)) / (patches.std((1, 2), keepdims=True) + 1e-3)
    sums = np.pad(patches.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0))).astype(np.float32)
    return np.stack([sum(sign * (sums[:, b, r] - sums[:, t, r] - sums[:, b, l] + sums[:, t, l])
                         for sign, t, l, b, r in boxes) for boxes in features])


def best_stump(found, order, right, weights):
    """The feature, threshold and direction with the least weight of errors."""
    signed = np.where(right, weights, -weights)[order].cumsum(1)        # of what lies up to each value
    of_right = weights[right].sum()
    low = of_right - signed                     # errors, if all above are said to be right
    low, high = low.min(1), (1 - low).min(1)
    feature = int(np.minimum(low, high).argmin())
    errors = of_right - signed[feature]
    errors = errors if low[feature] < high[feature] else 1 - errors
    at = int(errors.argmin())
    ordered = found[feature][order[feature]]
    threshold = (ordered[at] + ordered[min(at + 1, len(ordered) - 1)]) / 2
    return feature, threshold, 1 if low[feature] < high[feature] else -1


def boost(found, right, rounds):
    """A stage: features, thresholds, directions and votes, and what their sum must reach."""
    weights = np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum())
    order, stumps, score = found.argsort(1), [], np.zeros(len(right))
    for _ in range(rounds):
        feature, threshold, sign = best_stump(found, order, right, weights)
        said = sign * (found[feature] - threshold) > 0
        error = np.clip(weights[said != right].sum(), 1e-6, 1 - 1e-6)
        vote = np.log((1 - error) / error)
        weights = weights * np.exp(vote * (said != right))
        weights /= weights.sum()
        stumps.append((feature, threshold, sign, vote))
        score += vote * said
    return stumps, np.quantile(score[right], 1 - PASS) - 1e-6


def cascade(found, stages):
    """Which windows pass all stages, the score of the last, and how many features each was asked."""
    alive, asked, score = np.ones(found.shape[1], bool), np.zeros(found.shape[1]), np.zeros(found.shape[1])
    for stumps, least in stages:
        asked += alive * len(stumps)
        score = sum(vote * (sign * (found[f] - threshold) > 0) for f, threshold, sign, vote in stumps) - least
        alive &= score >= 0
    return alive, score, asked
