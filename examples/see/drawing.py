"""Maps and attributions as images."""
import minidl


def maps_on(x: minidl.Tensor, maps: minidl.Tensor) -> minidl.Tensor:
    """Images (N, C, H, W) under maps (N, H, W) from 0 to 1, which colour them from blue over green to red."""
    grey = x.cpu().mean(1, keepdim=True)
    hot = maps.cpu()[:, None]
    colours = minidl.cat([(1.5 - (4 * hot - peak).abs()).clamp(0, 1) for peak in (3, 2, 1)], 1)
    return 0.5 * grey + 0.5 * colours


def signed(maps: minidl.Tensor) -> minidl.Tensor:
    """Attributions (N, C, H, W) as images (N, 3, H, W): what speaks for the class is red, against it blue."""
    total = maps.cpu().sum(1, keepdim=True)
    total = total / total.abs().flatten(1).quantile(0.995, dim=1)[:, None, None, None].clamp(min=1e-12)
    total = total.clamp(-1, 1)
    return 1 - minidl.cat([(-total).clamp(min=0), total.abs(), total.clamp(min=0)], 1)
