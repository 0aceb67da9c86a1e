"""How minidl is packaged. Tools are configured in pyproject.toml."""
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (HERE / "minidl/__init__.py").read_text(encoding="utf-8")).group(1)

EXTRAS = {
    "cuda12": ["cupy-cuda12x[ctk]>=14"],  # arrays on the GPU, with the libraries of CUDA 12
    "cuda13": ["cupy-cuda13x[ctk]>=14"],  # ... of CUDA 13, for GPUs since Turing
    "cuda": ["cupy-cuda12x[ctk]>=14"],
    "numba": ["numba>=0.61"],            # compiled kernels on the CPU
    "plot": ["matplotlib>=3.7"],         # pictures
    "mpi": ["mpi4py>=4", "mpich"],       # several processes that train one model
    "tensorboard": ["tensorboardX>=2.6"],
    "test": ["pytest>=7", "hypothesis>=6.80"],
    "lint": ["ruff>=0.6", "mypy>=1.10", "pyright[nodejs]>=1.1.400"],
    "oracle": ["torch==2.13.0", "scikit-learn>=1.3", "safetensors"],  # second opinions in tests and benchmarks
}

setup(
    name="minidl",
    version=VERSION,
    description="Deep learning you can read: autograd of any order, layers and training on NumPy and CuPy",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    package_dir={"": "."},      # so an editable install is a line in a .pth file, which mypy and pyright follow
    packages=find_packages(include=["minidl", "minidl.*"]),
    package_data={"minidl": ["py.typed"], "minidl.backend.cuda": ["kernels/*.cu", "kernels/*.cuh"],
                  "minidl.cli": ["course.csv"],
                  "minidl.vision.models": ["weights/*"],
                  "minidl.vision.datasets.beyond_torchvision": ["digits.csv.gz", "digits.txt"]},
    python_requires=">=3.10",
    install_requires=["numpy>=2.0", "scipy>=1.13", "pillow>=10", "tqdm>=4.60"],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["minidl = minidl.cli:main"]},
    classifiers=[
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
