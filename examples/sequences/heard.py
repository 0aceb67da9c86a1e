"""Pictures for wavenet.py: sounds, and which samples a layer hears."""
from sound import RATE

from minidl.train import plots


def waves(sounds, path):
    """Of each sound (T,): a twentieth of a second of it, and which pitches are loud when."""
    picture = plots.figure(9, 2.2 * len(sounds))
    grid = picture.subplots(len(sounds), 2, squeeze=False)
    for (left, right), (name, sound) in zip(grid, sounds.items()):
        start = len(sound) // 2
        part = sound[start:start + RATE // 20]
        left.plot([1000 * (start + i) / RATE for i in range(len(part))], part, linewidth=0.8)
        left.set(ylabel=name, ylim=(-1, 1), xlabel="ms")
        right.specgram(sound + 1e-5, NFFT=256, noverlap=224, Fs=RATE, cmap="magma", vmin=-110)
        right.set(xlabel="s", ylabel="Hz")
    plots.save(picture, path)


def tree(dilations, path):
    """The layers, one above the other: what the last output hears is drawn thick."""
    reach = 1 + sum(dilations)
    picture = plots.figure(9, 0.7 * len(dilations) + 1)
    axes = picture.subplots()
    heard = {len(dilations): {reach - 1}}
    for level in reversed(range(len(dilations))):
        heard[level] = {t - step for t in heard[level + 1] for step in (0, dilations[level])}
        for t in range(reach):
            for step in (0, dilations[level]):
                if t >= step:
                    inside = t in heard[level + 1]
                    axes.plot([t - step, t], [level, level + 1], color="C1" if inside else "0.85",
                              linewidth=2 if inside else 0.6, zorder=2 if inside else 1)
    for level in range(len(dilations) + 1):
        axes.scatter(range(reach), [level] * reach, s=22, zorder=3, edgecolors="0.4", linewidths=0.5,
                     color=["C1" if t in heard[level] else "white" for t in range(reach)])
    names = ["samples", *(f"dilation {dilation}" for dilation in dilations)]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks([])
    axes.set_title(f"{len(dilations)} layers of two taps hear {reach} samples", fontsize=10)
    axes.spines[:].set_visible(False)
    plots.save(picture, path)
