"""Parts of networks that make images and sound: losses, penalties, schedules, samplers, and layers only they need."""
from minidl.generative.adversarial import (
    AdversarialLoss,
    ImagePool,
    PathLength,
    cycle_consistency,
    gradient_penalty,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    r1_penalty,
    wasserstein,
)
from minidl.generative.autoregressive import (
    MADE,
    GatedMaskedConv2d,
    MaskedConv2d,
    MaskedLinear,
    PixelCNN,
    RowLSTM,
    sample_pixels,
)
from minidl.generative.diffusion import NoiseSchedule, ancestral, ddim, guided
from minidl.generative.quantizer import Quantized, VectorQuantizer
from minidl.generative.style import AdaptiveInstanceNorm, MappingNetwork, NoiseInjection
from minidl.generative.unet import UNet, time_embedding
from minidl.generative.variational import (
    active_units,
    bernoulli_log_likelihood,
    importance_weighted,
    kl_to_standard_normal,
    kl_weight,
    negative_elbo,
    normal_log_likelihood,
    reparameterize,
)
from minidl.generative.wavenet import GatedDilatedConv1d, WaveNet, mu_law_decoding, mu_law_encoding

__all__ = ["MADE", "AdaptiveInstanceNorm", "AdversarialLoss", "GatedDilatedConv1d", "GatedMaskedConv2d", "ImagePool",
           "MappingNetwork", "MaskedConv2d", "MaskedLinear", "NoiseInjection", "NoiseSchedule", "PathLength",
           "PixelCNN", "Quantized", "RowLSTM", "UNet", "VectorQuantizer", "WaveNet", "active_units", "ancestral",
           "bernoulli_log_likelihood", "cycle_consistency", "ddim", "gradient_penalty", "guided", "hinge",
           "importance_weighted", "kl_to_standard_normal", "kl_weight", "least_squares", "minimax", "mu_law_decoding",
           "mu_law_encoding", "negative_elbo", "non_saturating", "normal_log_likelihood", "r1_penalty",
           "reparameterize", "sample_pixels", "time_embedding", "wasserstein"]
