"""Models in Hugging Face's hub (`pip install minidl[hub]`): weights as safetensors, arguments, and a card."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

try:
    from huggingface_hub import ModelHubMixin as _Mixin
    from huggingface_hub import constants, hf_hub_download
except ModuleNotFoundError:
    raise ModuleNotFoundError("minidl.utils.huggingface needs huggingface_hub; try: pip install 'minidl[hub]'") \
        from None
from minidl.serialization import safetensors

WEIGHTS = constants.SAFETENSORS_SINGLE_FILE     # "model.safetensors", the name that PyTorch's models have there


class ModelHubMixin(_Mixin, library_name="minidl"):  # type: ignore[misc, call-arg]
    """Gives a Module `save_pretrained(folder)`, `from_pretrained(folder or name)` and `push_to_hub(name)`.

    The arguments of the constructor are saved as `config.json`, and come back. Weights are those of
    `huggingface_hub.PyTorchModelHubMixin`: PyTorch's class loads them, and its weights are loaded here.
    `from_pretrained` also takes `map_location`, `strict` (False, as there: missing and unknown names pass) and the
    constructor's arguments; the model is in evaluation mode.

        >>> import tempfile, minidl
        >>> from minidl import nn
        >>> from minidl.utils.huggingface import ModelHubMixin
        >>> class Net(nn.Module, ModelHubMixin):
        ...     def __init__(self, width: int = 4):
        ...         super().__init__()
        ...         self.layer = nn.Linear(2, width)
        >>> folder = tempfile.mkdtemp()
        >>> _ = Net(width=8).save_pretrained(folder)
        >>> Net.from_pretrained(folder).layer
        Linear(in_features=2, out_features=8, bias=True)

    Errors: those of huggingface_hub for a name that is not there, LoadError for a damaged file.
    """

    def _save_pretrained(self, save_directory: Path) -> None:
        safetensors.save_file(self.state_dict(), save_directory / WEIGHTS)      # type: ignore[attr-defined]

    @classmethod
    def _from_pretrained(cls, *, model_id: str, revision: str | None, cache_dir: str | Path | None,
                         force_download: bool, local_files_only: bool, token: str | bool | None,
                         map_location: Any = "cpu", strict: bool = False, **model_kwargs: Any) -> Any:
        path = os.path.join(model_id, WEIGHTS) if os.path.isdir(model_id) else hf_hub_download(
            repo_id=model_id, filename=WEIGHTS, revision=revision, cache_dir=cache_dir, force_download=force_download,
            token=token, local_files_only=local_files_only)
        model: Any = cls(**model_kwargs)
        model.load_state_dict(safetensors.load_file(path, map_location), strict=strict)
        return model.to(map_location).eval()
