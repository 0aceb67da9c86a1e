"""What a network has found in each pixel, drawn."""
import minidl
from minidl.train import plots

COLOURS = minidl.tensor([
    [0.55, 0.75, 0.95], [0.75, 0.25, 0.20], [0.95, 0.90, 0.55], [0.50, 0.30, 0.55], [0.90, 0.55, 0.75],
    [0.25, 0.55, 0.25], [0.95, 0.60, 0.15], [0.60, 0.45, 0.30], [0.20, 0.30, 0.80], [0.95, 0.25, 0.45],
    [0.20, 0.75, 0.75]])


def found(data, found, path, rows=6):
    """Draw images spread over the data, the truth, and what each output has found."""
    numbers = minidl.linspace(0, len(data.x) - 1, min(rows, len(data.x))).long()
    masks = [coloured(each[numbers].long(), len(data.classes)) for each in (data.y, *found.values())]
    shown = minidl.stack([data.x[numbers].float() / 255, *masks], 1)
    height, width = data.x.shape[-2:]
    figure = plots.figure(1.8 * shown.shape[1], 1.8 * len(shown) * height / width + 0.8)
    grid = figure.subplots(*shown.shape[:2], squeeze=False)
    for axes, image in zip(grid.flat, shown.flatten(0, 1)):
        axes.imshow(image.movedim(0, -1).numpy(), interpolation="nearest")
        axes.set_axis_off()
    for axes, title in zip(grid[0], ["image", "truth", *found]):
        axes.set_title(title, fontsize=9)
    legend = list(zip(COLOURS.tolist(), data.classes))
    if (data.y[numbers].long() >= len(data.classes)).any():
        legend.append(([0.0] * 3, "no class"))
    for colour, name in legend:
        grid[0, 0].plot([], [], "s", color=colour, label=name)
    figure.legend(loc="outside lower center", ncols=min(4, shown.shape[1]), fontsize=8)
    plots.save(figure, path)


def coloured(masks, classes):
    """Masks (N, H, W) as images (N, 3, H, W)."""
    palette = minidl.cat([COLOURS[:classes], minidl.zeros(1, 3)])
    return palette[masks.clamp(max=classes)].permute(0, 3, 1, 2)
