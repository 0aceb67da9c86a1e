"""Parts of a training for a plain `for` loop, and `fit`, which joins them."""
from minidl.optim.swa_utils import update_bn as recalibrate_batch_norm
from minidl.train.checkpoint import Checkpoint
from minidl.train.decay import weight_decay_groups
from minidl.train.ema import EMA
from minidl.train.log import Log
from minidl.train.loop import fit
from minidl.train.objective import Averages, Classification, evaluate
from minidl.train.preflight import preflight
from minidl.train.progress import Progress
from minidl.train.ranks import Ranks
from minidl.train.rate_finder import RateCurve, find_lr
from minidl.train.stopping import Best, EarlyStopping

__all__ = ["EMA", "Averages", "Best", "Checkpoint", "Classification", "EarlyStopping", "Log", "Progress", "Ranks",
           "RateCurve", "evaluate", "find_lr", "fit", "preflight", "recalibrate_batch_norm", "weight_decay_groups"]
