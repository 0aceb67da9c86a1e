"""What `import minidl` brings along."""
import importlib.util
import inspect
import subprocess
import sys

import minidl


def loaded(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_import_is_light():
    """Only NumPy and the standard library are loaded: the rest waits until it is used."""
    modules = set(loaded("import minidl"))
    for heavy in ["scipy.special", "scipy.sparse", "PIL.Image", "matplotlib", "cupy", "torch", "tqdm",
                  "minidl.array_api", "ml_dtypes", "einops", "opt_einsum", "huggingface_hub", "threadpoolctl"]:
        assert heavy not in modules, f"import minidl loads {heavy}"


def test_everything_public_is_there_at_once():
    assert loaded(
        "import minidl; minidl.nn.Linear; minidl.optim.SGD; minidl.utils.data.DataLoader; minidl.nn.functional.relu")


def test_names_that_stand_for_others():
    assert isinstance(minidl.float32, minidl.dtype)
    assert minidl.ones(3)[:, minidl.newaxis].shape == (3, 1)
    assert minidl.GradScaler is minidl.amp.GradScaler


def test_tensor_is_the_function_only():
    assert minidl.tensor is minidl.tensors.creation.tensor and inspect.isfunction(minidl.tensor)
    assert importlib.util.find_spec("minidl.tensor") is None, "a module in the guise of a function"


def test_versions_that_notebooks_print_first():
    version = "import minidl as torch, minidl.vision as torchvision; print(torch.__version__, torchvision.__version__"
    assert loaded(f"{version}, torch.version.cuda)")[:3] == [minidl.__version__, minidl.__version__, "None"]
