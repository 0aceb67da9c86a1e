"""Train examples/first/lenet.py, with its options, and export what the page docs/browser/index.html runs.

    python docs/browser/export_lenet.py --dataset mnist --data DIR --run runs/lenet
    cd docs/browser && npm install onnxruntime-web@1.30.0 && python -m http.server
"""
from pathlib import Path

import minidl
from minidl import nn

ROOT = Path(__file__).parent.parent.parent


class WithMaps(nn.Module):
    """Pixels from 0 to 1 -> the class scores, and the maps of the first convolution."""

    def __init__(self, model, mean, std):
        super().__init__()
        self.model = model
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, pixels):
        x = (pixels - self.mean) / self.std
        return self.model(x), self.model.relu(self.model.conv1(x))


def export(run, path):
    """run: the names of the program after its end."""
    data = run["data"]
    model = WithMaps(run["model"], data.mean, data.std).cpu()
    image = data.test.x[:1].float() / 255
    minidl.onnx.export(model, image, path, input_names=["pixels"], output_names=["scores", "maps"])
    print(f"wrote {path}")


if __name__ == "__main__":
    program = ROOT / "examples/first/lenet.py"
    names = {"__name__": "__main__", "__file__": str(program)}
    try:
        exec(compile(program.read_text(encoding="utf-8"), str(program), "exec"), names)
    except SystemExit as end:
        if end.code:
            raise
    export(names, Path(__file__).parent / "lenet.onnx")
