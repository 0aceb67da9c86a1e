"""How minidl is packaged. Tools are configured in pyproject.toml."""
import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def read(name):
    return (HERE / name).read_text(encoding="utf-8")


VERSION = re.search(r'number = "(.+?)"', read("minidl/version/__init__.py")).group(1)
REPOSITORY = "".join(re.findall(r"^repository-code: *[\"']?([^\"'\s]+?)/?[\"']?$", read("CITATION.cff"), re.MULTILINE))
"""Where the source is published; empty before that."""


def absolute(text, address):
    """Markdown whose links into the repository work elsewhere; with no address, they become what they say."""
    def link(found):
        mark, words, target = found.groups()
        if not address:
            return words
        return f"{mark}[{words}]({address}/{'raw' if mark else 'blob'}/v{VERSION}/{target})"
    code_apart = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    pattern = r"(!?)\[([^\[\]]+)\]\((?![a-z]+:|#)([^)\s]+)\)"
    for part in range(0, len(code_apart), 2):
        code_apart[part] = re.sub(pattern, link, code_apart[part])
    return "".join(code_apart)


ADDRESSES = {"Source": REPOSITORY, "Documentation": f"{REPOSITORY}/blob/v{VERSION}/docs/index.md",
             "Issues": f"{REPOSITORY}/issues", "Changelog": f"{REPOSITORY}/blob/v{VERSION}/CHANGELOG.md"}

EXTRAS = {
    "cuda12": ["cupy-cuda12x[ctk]>=14"],  # arrays on the GPU, with the libraries of CUDA 12
    "cuda13": ["cupy-cuda13x[ctk]>=14"],  # ... of CUDA 13, for GPUs since Turing
    "cuda": ["cupy-cuda12x[ctk]>=14"],
    "numba": ["numba>=0.61"],            # compiled kernels on the CPU
    "plot": ["matplotlib>=3.7"],         # pictures
    "mpi": ["mpi4py>=4", "mpich"],       # several processes that train one model
    "onnx": ["onnx-ir>=1.0"],  # networks written for other programs, and read
    "tensorboard": ["tensorboardX>=2.6"],
    "einops": ["einops>=0.8"],
    "hub": ["huggingface_hub>=0.34"],    # models in Hugging Face's hub
    "docs": ["sphinx>=8.1", "myst-parser>=4", "pydata-sphinx-theme>=0.16", "sphinx-gallery>=0.18", "sphinx-copybutton",
             "sphinx-design", "matplotlib>=3.7"],
    "test": ["pytest>=7", "hypothesis>=6.80"],
    "lint": ["ruff>=0.6", "mypy>=1.10", "pyright[nodejs]>=1.1.400"],
    "oracle": ["torch==2.13.0", "scikit-learn>=1.3", "safetensors"],  # second opinions in tests and benchmarks
}

setup(
    name="minidl",
    version=VERSION,
    description="Deep learning you can read: autograd of any order, layers and training on NumPy and CuPy",
    long_description=absolute(read("README.md"), REPOSITORY),
    long_description_content_type="text/markdown",
    author="the minidl authors",
    project_urls=ADDRESSES if REPOSITORY else {},
    keywords="deep learning, automatic differentiation, education, NumPy",
    license_expression="MIT AND CC-BY-4.0",     # the digits are under the latter
    license_files=["LICENSE", "minidl/vision/datasets/beyond_torchvision/digits.txt"],
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
        "Development Status :: 4 - Beta",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        *[f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)],
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
