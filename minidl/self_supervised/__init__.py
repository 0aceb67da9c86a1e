"""Learning without labels of classes, or from few: losses of pairs, masks, tasks without labels, episodes."""
from minidl.self_supervised.contrastive import clip_loss, contrastive_loss, nt_xent
from minidl.self_supervised.few_shot import Episodes, prototypical_scores
from minidl.self_supervised.masked import Guess, MaskedAutoencoder, patchify, unpatchify
from minidl.self_supervised.tasks import rotated, shuffled, tile_orders

__all__ = ["Episodes", "Guess", "MaskedAutoencoder", "clip_loss", "contrastive_loss", "nt_xent", "patchify",
           "prototypical_scores", "rotated", "shuffled", "tile_orders", "unpatchify"]
