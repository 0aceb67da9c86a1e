"""What a network has found in each pixel, drawn."""
import minidl
from minidl.train import plots

COLOURS = minidl.tensor([
    [0.55, 0.75, 0.95], [0.75, 0.25, 0.20], [0.95, 0.90, 0.55], [0.50, 0.30, 0.55], [0.90, 0.55, 0.75],
    [0.25, 0.55, 0.25], [0.95, 0.60, 0.15], [0.60, 0.45, 0.30], [0.20, 0.30, 0.80], [0.95, 0.25, 0.45],
    [0.20, 0.75, 0.75]])


def found(data, found, path, rows=6):
    """Draw images spread over the data, the truth, and what each output has found; black has no class."""
    numbers = minidl.linspace(0, len(data.x) - 1, min(rows, len(data.x))).long()
    masks = [coloured(each[numbers].long(), len(data.classes)) for each in (data.y, *found.values())]
    shown = minidl.stack([data.x[numbers].float() / 255, *masks], 1)
    titles = ["image", "truth", *found, *[""] * shown[1:, :, 0, 0, 0].numel()]
    plots.images(shown.flatten(0, 1), path, titles, ", ".join(data.classes), columns=shown.shape[1])


def coloured(masks, classes):
    """Masks (N, H, W) as images (N, 3, H, W)."""
    palette = minidl.cat([COLOURS[:classes], minidl.zeros(1, 3)])
    return palette[masks.clamp(max=classes)].permute(0, 3, 1, 2)
