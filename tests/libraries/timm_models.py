"""A program for PyTorch: timm's architectures forward and backward, small ones of each family.

    python -m minidl run tests/libraries/timm_models.py results.npz
    python tests/libraries/timm_models.py results.npz                   # the same in PyTorch
"""
import sys
import zlib

import numpy as np
import timm
import torch

MODELS = {
    96: """test_resnet resnetv2_18 legacy_seresnet18 skresnet18 regnetx_002 dla46x_c test_byobnet hgnetv2_b0
        ese_vovnet19b_slim_dw test_nfnet cs3darknet_focus_s legacy_xception
        mobilenetv3_small_050 efficientnet_lite0 ghostnet_050 repghostnet_050 rexnet_100 lcnetv2_small
        convnext_atto_rms inception_next_atto test_mambaout starnet_s050 poolformerv2_s12 fasternet_t0
        test_vit xcit_nano_12_p8_224 pvt_v2_b0 edgenext_xx_small mobilevit_xxs efficientvit_b0 swiftformer_xs""",
    112: """deit_tiny_patch16_224 cait_xxs24_224 convit_tiny pit_xs_224 mixer_s16_224 eva02_tiny_patch14_224
        swin_tiny_patch4_window7_224 test_vit_relpos""",
    128: "gcvit_xxtiny coat_tiny maxvit_pico_rw_256 vit_tiny_r_s16_p8_224",
}
"""The models by the size of the images. Those of more than 96 pixels are told of the size."""


def weights(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers that depend on the name only, of the size that keeps a signal as it is."""
    stream = np.random.default_rng(zlib.crc32(name.encode()))
    if len(shape) < 2:      # scales near 1, shifts near 0
        return (0.1 * stream.random(shape) + (name.endswith(("weight", "var", "scale", "gamma")))).astype("float32")
    return (stream.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype("float32")


def results(name: str, size: int) -> dict[str, np.ndarray]:
    """The output, and the gradients of a weighted sum of it, in float64, which seldom rounds across a ReLU's kink."""
    settings = {"img_size": size} if size > 96 else {}
    model = timm.create_model(name, num_classes=10, **settings).eval().double()
    model.load_state_dict({
        key: torch.from_numpy(weights(key, tuple(value.shape))) if value.is_floating_point() else value
        for key, value in model.state_dict().items()})
    x = torch.from_numpy(weights("x", (1, 3, size, size)) * size).double().requires_grad_()
    y = model(x)
    (y * torch.arange(1.0, 11.0)).sum().backward()
    missing = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    gradients = [parameter.grad.abs().max().item() for parameter in model.parameters() if parameter.grad is not None]
    return {"y": y.detach().numpy(), "x": x.grad.numpy(), "gradients": np.array(gradients),
            "missing": np.array(missing)}


if __name__ == "__main__":
    torch.manual_seed(0)
    found = {}
    for image_size, names in MODELS.items():
        for model_name in names.split():
            for key, array in results(model_name, image_size).items():
                found[f"{model_name}/{key}"] = array
    np.savez(sys.argv[1], **found)
