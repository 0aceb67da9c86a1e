"""The examples as a person runs them: they work, end well when something is wrong, and draw what can be looked at."""
import importlib.util
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.vision.datasets.layouts import bccd

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
FILES = {path.stem: path for folder in ("first", "classify", "generate", "detect", "segment")
         for path in (EXAMPLES / folder).glob("*.py") if ".parse(__doc__" in path.read_text(encoding="utf-8")}
TRAINED = ["softmax", "mlp", "lenet", "resnet", "vit", "speedrun"]     # by `fit`, into one file of weights
DETECTORS = ["faster_rcnn", "retinanet", "ssd", "yolo", "rcnn", "fast_rcnn", "sliding_window"]
SHORT = {"knn": [], "gan": ["--max-steps", 2, "--judge-epochs", 1], "ensemble": ["--epochs", 1, "--members", 2],
         "vae": ["--max-steps", 2, "--judge-epochs", 1],
         "diffusion": ["--max-steps", 2, "--judge-epochs", 1, "--steps", 2],
         "vqvae": ["--max-steps", 2, "--judge-epochs", 1], "autoencoder": ["--max-steps", 2],
         "made": ["--max-steps", 2], "pixelcnn": ["--max-steps", 2, "--layers", 2, "--width", 4],
         "pixelrnn": ["--max-steps", 2, "--layers", 1, "--width", 4],
         **{name: ["--max-steps", 2, "--judge-epochs", 1] for name in ("conditional_gan", "stylegan", "cyclegan")},
         "igan": ["--max-steps", 2, "--walk", 2], "pix2pix": ["--max-steps", 2],
         "latent_diffusion": ["--max-steps", 2, "--judge-epochs", 1, "--scenes", 100, "--steps", 1, "--width", 8],
         "unet": ["--max-steps", 2, "--images", 6, "--batch-size", 2, "--width", 2],
         "fcn": ["--max-steps", 2, "--images", 6, "--batch-size", 2],
         **{name: ["--max-steps", 2, "--images", 40] for name in DETECTORS},
         "localization": ["--max-steps", 2, "--images", 20],
         "selective_search": ["--images", 10], "speeds": ["--images", 6],
         **{name: ["--max-steps", 1, "--images", 4, "--batch-size", 2] for name in ("mask_rcnn", "keypoints")},
         "hyperparameter_search": ["--epochs", 1, "--side", 2], "transfer": ["--epochs", 1, "--steps", 2],
         **{name: ["--max-steps", 2] for name in TRAINED}}
needs_matplotlib = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None,
                                      reason="matplotlib is not installed")
unix = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal of Unix")


def start(name, *args, **env):
    return subprocess.Popen([sys.executable, str(FILES[name]), *map(str, args)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(ROOT), **{key: str(v) for key, v in env.items()}},
                            start_new_session=os.name == "posix")


def run(name, *args, **env):
    with start(name, *args, **env) as process:
        output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return output


def read_to_row(process, number):
    """Wait until the row of an epoch has come."""
    for line in process.stdout:
        if line.startswith(f"{number:>5} "):
            return
    raise AssertionError(f"row {number} did not come: {process.stderr.read()}")


def refused(name, *args, **env):
    """What an example that will not run says on its last line; it says nothing else but the usage."""
    with start(name, *args, **env) as process:
        output, errors = process.communicate(timeout=300)
    *usage, last = errors.splitlines()
    assert process.returncode in (1, 2) and "Traceback" not in errors
    assert not usage or process.returncode == 2 and usage[0].startswith("usage:")
    return last


# ---------------------------------------------------------------- they work

def test_every_example_is_tried():
    assert set(SHORT) == set(FILES)


@pytest.mark.parametrize("name", TRAINED)
def test_two_steps(name):
    assert "test accuracy" in run(name, "--max-steps", "2")


@pytest.mark.parametrize("model", ["swin", "mvit"])
def test_two_steps_of_other_transformers(model):
    assert "test accuracy" in run("vit", "--model", model, "--max-steps", "2")


@pytest.mark.parametrize("name", FILES)
def test_on_arrays_of_a_gpu(name, tmp_path, pytestconfig):
    """The strict stand-in raises where an array of the GPU would: at every unasked way to the host.

    With `pytest --device cuda` the examples run on CuPy instead, unchanged.
    """
    device = pytestconfig.getoption("--device").replace("strict:1", "strict")
    stand_in = "from tests.backend.cuda import on_cpu\nif not on_cpu.has_gpu(): on_cpu.install()" \
        if device.startswith("cuda") else "import tests.strict_array"
    (tmp_path / "sitecustomize.py").write_text(stand_in)        # in each process that Python begins
    paths = [str(tmp_path), str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    run(name, "--device", device, *SHORT[name], PYTHONPATH=os.pathsep.join(paths))


def test_knn():
    output = run("knn")
    accuracy = float(output.split("test accuracy ")[1].split("%")[0])
    assert accuracy > 95
    assert re.findall(r"^ +(\d+) ", run("knn", "--k", 7, 3, 7), re.MULTILINE) == ["3", "7"]


@pytest.mark.parametrize("name, args", [("lenet", []), ("resnet", []), ("vit", ["--model", "cct"])])
def test_they_learn(name, args):
    output = run(name, "--epochs", 3, *args)
    assert float(output.split("test accuracy ")[-1].split("%")[0]) > 70


def test_ensemble_transfer_and_search_compare():
    output = run("ensemble", *SHORT["ensemble"])
    assert output.count("\nnewest accuracy ") == 2 and output.count("\n    1 ") == 2
    assert "of the average" in output and "average of their weights" in output
    output = run("transfer", *SHORT["transfer"])
    assert len(re.findall(r"^ *[\d.]+%  [a-z]", output, re.MULTILINE)) == 5 and output.count("\n    1 ") == 1
    output = run("hyperparameter_search", *SHORT["hyperparameter_search"])
    assert "  grid search: best of 4" in output and "random search: best of 4" in output


def test_transfer_takes_weights_of_another_data_set(tmp_path):
    import minidl
    from minidl.vision import models
    minidl.save(models.resnet20(num_classes=7, in_channels=1).state_dict(), tmp_path / "weights")
    assert run("transfer", *SHORT["transfer"], "--weights", tmp_path / "weights").count("%  ") == 5
    minidl.save(minidl.nn.Linear(2, 2).state_dict(), tmp_path / "others")
    said = refused("transfer", "--weights", tmp_path / "others")
    assert f"--weights {tmp_path / 'others'}" in said and 300 < len(said) < 800
    assert "--weights: there is no file" in refused("transfer", "--weights", tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["faster_rcnn", "yolo"])
def test_detectors_find_digits(name):
    rows = run(name, "--images", 300, "--epochs", 5)
    assert float(re.search(r"mean average precision ([\d.]+)", rows)[1]) > 0.1


def street(path, size, classes, rng):
    """An image and the mask of its classes, of as many columns and rows."""
    import numpy as np
    from PIL import Image
    for folder, pixels in (("", rng.integers(0, 256, (*size[::-1], 3))), ("annot", rng.choice(classes, size[::-1]))):
        file = path.parent.with_name(path.parent.name + folder) / path.name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(file)


def test_a_class_for_each_pixel_of_a_folder(tmp_path):
    """Without training images; of sizes that nets were not trained with, and with classes that never occur."""
    import numpy as np
    rng, weights = np.random.default_rng(0), tmp_path / "weights"
    for split, number in (("train", 3), ("val", 2)):
        for i in range(number):
            street(tmp_path / "CamVid" / split / f"{i}.png", (48, 36), [0, 1, 3, 11], rng)
    args = ["--dataset", "camvid", "--width", 2]
    output = run("unet", *args, "--data", tmp_path, "--max-steps", 1, "--save", weights)
    assert "3 images to train on" in output and re.search("sign (does not occur|0.000)", output)
    street(tmp_path / "others" / "test" / "a.png", (300, 200), [2], rng)
    output = run("unet", *args, "--data", tmp_path / "others", "--weights", weights, "--evaluate", "--split", "test")
    assert re.search(r"pixel accuracy [\d.]+% on 1 images\nIoU: sky .*, pole [\d.]+, .*bicyclist", output)
    street(tmp_path / "others" / "val" / "a.png", (48, 36), [0, 12], rng)
    said = refused("unet", *args, "--data", tmp_path / "others", "--weights", weights, "--evaluate")
    assert f"{tmp_path / 'others' / 'valannot' / 'a.png'}" in said and "classes up to 11" in said
    (tmp_path / "others" / "testannot" / "a.png").unlink()
    said = refused("unet", *args, "--data", tmp_path / "others", "--weights", weights, "--evaluate", "--split", "test")
    assert "a is not in both this folder and testannot" in said
    assert "leave its value out" in refused("fcn", "--weights", weights, "--evaluate", "train")


def test_detectors_take_a_folder_of_bccd(tmp_path):
    """To learn from one list of images, and to look at another one with the weights."""
    bccd(tmp_path)
    rows = run("faster_rcnn", "--dataset", "bccd", "--data", tmp_path, "--max-steps", 1, "--save", tmp_path / "weights")
    assert "2 training and 1 test images of 256x192" in rows
    looked = ["--dataset", "bccd", "--data", tmp_path / "BCCD", "--weights", tmp_path / "weights", "--evaluate"]
    assert "on 2 test images" in run("faster_rcnn", *looked, "--split", "train")
    assert "Unknown value 'nowhere'" in refused("faster_rcnn", *looked, "--split", "nowhere")
    described = tmp_path / "BCCD" / "Annotations" / "BloodImage_00001.xml"
    described.write_text("<annotation>", encoding="utf-8")
    assert described.name in refused("faster_rcnn", *looked)
    described.unlink()
    assert f"error: cannot read {described}: the file is missing" in refused("faster_rcnn", *looked)
    assert "--split is for --dataset bccd" in refused("faster_rcnn", "--split", "val")


GENERATORS = ["gan", "vae", "diffusion", "vqvae"]
LIKELIHOODS = ["made", "pixelcnn", "pixelrnn"]
MADE_TO_ORDER = ["conditional_gan", "stylegan", "cyclegan", "igan", "pix2pix", "latent_diffusion"]


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_are_judged(name):
    output = run(name, *SHORT[name])
    assert output.count("\n    1 ") == 1          # the row of the judge's epoch
    pair = r"[\d.e+-]+ \(real images: [\d.e+-]+\)"
    assert re.search(r"confidence [\d.]+%, classes \d+ to \d+ times, entropy [\d.]+ nats, Frechet distance "
                     rf"{pair};\nkernel distance {pair}, distance to the nearest training image {pair}", output)


def test_the_judge_finds_what_was_learned_by_heart(monkeypatch, capsys):
    from minidl import zeros
    from minidl.cli import arguments, images
    args = arguments.parse("", {"digits": {}}, [])
    data = images.load(args)
    monkeypatch.syspath_prepend(str(EXAMPLES / "generate"))
    module = importlib.import_module("judge")
    judge = module.Judge(data, 1)
    train, test = (module.signed(part.x[:359]) for part in (data.train, data.test))
    module.tell(args, judge, train.flip(0) * 0.999)
    assert "learned by heart" in capsys.readouterr().out
    heart, real = judge.verdict(train), judge.verdict(test)
    assert heart.nearest[0] < 0.01 < heart.nearest[1] == real.nearest[0] == real.nearest[1]
    assert heart.distance[0] == pytest.approx(heart.distance[1]) and heart.kernel[0] == pytest.approx(heart.kernel[1])
    assert real.distance[0] < 1e-6 < real.distance[1] and real.kernel[0] < real.kernel[1]
    grey = judge.verdict(zeros(*test.shape))
    assert grey.nearest[0] > 2 * real.nearest[0] and grey.kernel[0] > 10 * abs(grey.kernel[1]) and grey.entropy < 1e-4
    module.tell(args, judge, test)
    assert "by heart" not in capsys.readouterr().out


def test_the_honest_autoencoder_has_a_likelihood():
    output = run("vae", "--binary", "--epochs", 3, "--anneal", 2, "--judge-epochs", 1)
    bound = float(re.search(r"test loss ([\d.]+) nats", output)[1])
    likelihood = float(re.search(r"-log p\(x\) of 359 test images by 200 .*: ([\d.]+) nats", output)[1])
    assert 15 < likelihood < bound < 64 * 0.7       # a bound of -log p(x), which is less than that of a fair coin


def test_pixel_after_pixel_is_a_likelihood():
    """Better than a fair coin for each pixel; without labels worse than with them by log 10 at most."""
    for name in LIKELIHOODS:
        assert 15 < float(re.search(r"359 test images: ([\d.]+) nats", run(name, "--epochs", 2))[1]) < 64 * 0.69
    output = run("pixelcnn", *SHORT["pixelcnn"])
    led, alone = (float(nats) for nats in re.findall(r"([\d.]+) nats[,;]", output))
    assert alone < led + math.log(10) + 0.02        # both are rounded


def test_autoencoders_against_principal_components():
    output = run("autoencoder", "--kind", "linear", "--codes", 2, 4, "--epochs", 30, "--lr", 3e-2)
    errors = re.findall(r"^ +[24] +([\d.]+) +[\d.]+% +([\d.]+)", output, re.MULTILINE)
    assert len(errors) == 2
    for ours, best in errors:
        assert float(best) * 0.98 < float(ours) < float(best) * 1.1     # the best on images that neither has learned


def test_a_seed_makes_training_repeatable():
    first, second = (run("softmax", "--max-steps", "50", "--seed", "3") for _ in range(2))
    assert [line.rsplit(None, 1)[0] for line in first.splitlines() if "after" not in line] == \
        [line.rsplit(None, 1)[0] for line in second.splitlines() if "after" not in line]


@pytest.mark.parametrize("name", [*TRAINED, *GENERATORS])
def test_weights_are_saved_and_looked_at_again(name, tmp_path):
    import minidl
    path = tmp_path / "new folder" / "parameters.minidl"
    assert f"saved {path}" in run(name, *SHORT[name], "--save", path)
    assert all(value.isfinite().all() for value in minidl.load(path).values())
    output = run(name, "--weights", path, "--evaluate", *SHORT[name][2:])
    assert output.count("\nepoch ") == (name in GENERATORS) and ("of 359 images" in output or "confidence" in output)


def test_a_folder_of_images_is_read(tmp_path):
    """Those of the test set, as files: other sizes and colours are made fit."""
    import numpy as np
    from PIL import Image

    from minidl.vision.datasets import Digits
    test = Digits(train=False)
    for number, (pixels, label) in enumerate(zip(test.data.numpy()[:40], test.targets[:40].tolist())):
        path = tmp_path / "images" / str(label) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * (255 / 16)).astype(np.uint8)).convert("RGB").resize((16, 16)).save(path)
    weights = tmp_path / "weights"
    run("softmax", "--epochs", 5, "--save", weights)
    output = run("softmax", "--weights", weights, "--evaluate", tmp_path / "images")
    assert float(re.search(r"accuracy ([\d.]+)% of 40 images", output)[1]) > 70
    (tmp_path / "images" / "ten").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "images" / "ten" / "1.png")
    said = refused("softmax", "--weights", weights, "--evaluate", tmp_path / "images")
    assert "ten is no class of the data set" in said
    assert "--weights FILE" in refused("softmax", "--evaluate")


@pytest.mark.parametrize("name", ["mlp", *GENERATORS, "autoencoder", *LIKELIHOODS, "retinanet"])
def test_a_run_is_resumed(name, tmp_path):
    def weights(path):
        import minidl
        return [value.numpy().tobytes() for value in minidl.load(path).values()]
    run(name, "--epochs", 2, "--save", tmp_path / "whole", *SHORT[name][2:])
    args = ["--run", tmp_path / "run", "--epochs", 2, "--save", tmp_path / "resumed", *SHORT[name][2:]]
    run(name, *args, "--max-steps", 30 if name in ("vae", "diffusion", "made") else 60)     # into the second epoch
    assert "holds a run already; --resume goes on with it" in refused(name, *args)
    run(name, *args, "--resume")
    assert weights(tmp_path / "whole") == weights(tmp_path / "resumed")


@pytest.mark.parametrize("name", MADE_TO_ORDER)
def test_a_run_in_small_batches_is_resumed_and_drawn(name, tmp_path):
    """Stopped among the steps that have penalties, with opponents, pools and schedules."""
    import minidl
    args, six = [*SHORT[name][2:], "--batch-size", 8], tmp_path / "six"
    run(name, *args, "--max-steps", 6, "--save", six)
    kept = [*args, "--run", tmp_path / "run", "--max-steps", 3]
    run(name, *kept)
    pictures = ["--plot", tmp_path / "plots"] if importlib.util.find_spec("matplotlib") else []
    run(name, *kept, "--resume", "--save", tmp_path / "three and three", *pictures)
    first, second = (minidl.load(path) for path in (six, tmp_path / "three and three"))
    assert [key for key in first if first[key].numpy().tobytes() != second[key].numpy().tobytes()] == []
    if pictures:
        drawn_without_gaps(tmp_path / "plots", name)


def test_batches_larger_than_the_data():
    for name in ("softmax", "mlp", "lenet"):
        assert run(name, "--epochs", 1, "--batch-size", 5000).count("%") == 3   # a row and the last line


def test_rows_come_one_by_one_also_into_a_pipe():
    with start("softmax", "--epochs", 100_000) as process:
        lines = [process.stdout.readline() for _ in range(6)]   # would wait for minutes if the rows were held back
        assert lines[2].startswith("epoch") and lines[5].split()[0] == "3"
        process.stdout.close()                                  # as `head` does
        assert process.wait(60) == 141 and process.stderr.read() == ""


# ---------------------------------------------------------------- Ctrl-C

@unix
@pytest.mark.parametrize("name", ["softmax", "lenet", "gan"])
def test_ctrl_c_keeps_the_rows_so_far(name, tmp_path):
    with start(name, "--epochs", 100_000, "--save", tmp_path / "parameters", "--run", tmp_path) as process:
        read_to_row(process, 2)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"interrupted after \d+ of 100000 epochs\n", errors)
    assert "test accuracy" not in output and (tmp_path / "parameters").exists()
    assert (tmp_path / "checkpoint.minidl").exists()


@unix
@needs_matplotlib
def test_ctrl_c_draws_what_there_is(tmp_path):
    with start("mlp", "--epochs", 100_000, "--plot", tmp_path) as process:
        read_to_row(process, 1)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.count("\n") == 1
    assert [line.split("/")[-1] for line in output.splitlines()[-3:]] == \
        ["mlp_curves.png", "mlp_confusion.png", "mlp_mistakes.png"]


@unix
@pytest.mark.parametrize("name, args, wait", [
    ("knn", ["--k", *range(1, 400)], 0),
    *[("hyperparameter_search", ["--side", 60], wait) for wait in (0, 0.004, 0.007, 0.010, 0.1)]])
def test_ctrl_c_outside_of_training(name, args, wait):
    with start(name, *args) as process:
        process.stdout.readline()       # the data is loaded
        time.sleep(wait)                # its processes have not begun, begin, work
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors == "interrupted\n"


# ---------------------------------------------------------------- what is refused, and how

COUNT = "expected a whole number, 1 or more, but got"
RATE = "expected a number above 0, such as 0.01, but got"


@pytest.mark.parametrize("args, said", [
    (["softmax", "--epochs", "0"], f"argument --epochs: {COUNT} '0'"),
    (["softmax", "--epochs", "nan"], f"argument --epochs: {COUNT} 'nan'"),
    (["mlp", "--max-steps", "-1"], f"argument --max-steps: {COUNT} '-1'"),
    (["lenet", "--batch-size", "2.5"], f"argument --batch-size: {COUNT} '2.5'"),
    (["mlp", "--lr", "0"], f"argument --lr: {RATE} '0'"),
    (["mlp", "--lr", "nan"], f"argument --lr: {RATE} 'nan'"),
    (["softmax", "--lr", "inf"], f"argument --lr: {RATE} 'inf'"),
    (["softmax", "--lr", "fast"], f"argument --lr: {RATE} 'fast'"),
    (["knn", "--k", "3", "0"], "argument --k: expected a whole number, from 1 to 1000, but got '0'"),
    (["knn", "--k", "1001"], "argument --k: expected a whole number, from 1 to 1000, but got '1001'"),
    (["knn", "--seed", "-1"], f"argument --seed: expected a whole number, from 0 to {2 ** 64 - 1}, but got '-1'"),
    (["knn", "--dataset", "cifar"], "argument --dataset: invalid choice: 'cifar'"),
    (["knn", "--data", "there"], "--data and --download are for the other data sets"),
    (["knn", "--size", "64"], "--size is for --dataset tinyplaces"),
    (["vit", "--resume"], "--resume needs --run DIR"),
    (["vit", "--weights", "nowhere"], "--weights: there is no file nowhere"),
    (["gan", "--dataset", "tinyplaces", "--download"], "--download: TinyPlaces is made of a MiniPlaces or a Places365"),
    (["transfer", "--shots", "0"], f"argument --shots: {COUNT} '0'"),
    (["knn", "--device", "tpu"], "--device tpu: Expected one of cpu, cuda device type"),
])
def test_arguments_that_are_wrong(args, said):
    assert refused(*args).startswith(f"{args[0]}.py: error: {said}")


def test_pictures_without_matplotlib_are_refused_before_the_first_step(tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib/__init__.py").write_text("raise ImportError('no matplotlib here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert refused("mlp", "--plot", tmp_path / "plots", PYTHONPATH=path) == \
        "mlp.py: error: --plot needs matplotlib; try: pip install 'minidl[plot]'"


@needs_matplotlib
def test_folders_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    for name, args in {
        "mlp": ["--plot", file],
        "lenet": ["--plot", file / "plots"],
        "softmax": ["--save", file / "model"],
    }.items():
        said = refused(name, *args)
        assert said.startswith(f"{name}.py: error: {args[0]}: cannot write into the folder {file}")
        assert "name another" in said
    assert "is a folder; name a file" in refused("mlp", "--save", tmp_path)


@pytest.mark.parametrize("name", ["softmax", "gan"])
def test_a_damaged_checkpoint_is_named(name, tmp_path):
    (tmp_path / "checkpoint.minidl").write_bytes(b"no checkpoint")
    assert f"--resume: {tmp_path / 'checkpoint.minidl'}: it is no file" in refused(name, "--run", tmp_path, "--resume")


def test_missing_mnist_names_the_flags(tmp_path):
    said = refused("softmax", "--dataset", "mnist", "--data", tmp_path)
    assert "MNIST" in said and str(tmp_path) in said and "--download" in said and "--data DIR" in said


def test_damaged_mnist_names_the_file(tmp_path):
    for what in "images-idx3", "labels-idx1":
        (tmp_path / f"train-{what}-ubyte").write_bytes(b"no images")
    said = refused("knn", "--dataset", "mnist", "--data", tmp_path)
    assert "train-images-idx3-ubyte" in said and "no idx file" in said and "--download" in said


def test_no_network(tmp_path):
    """A proxy that nobody serves stands for a cut cable."""
    said = refused("lenet", "--dataset", "mnist", "--data", tmp_path, "--download",
                   https_proxy="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", no_proxy="", NO_PROXY="")
    assert "could not get" in said and "Check the network" in said and "--data DIR" in said


# ---------------------------------------------------------------- pictures

def ink(picture):
    """Which rows and columns of a PNG are not all white."""
    import numpy as np
    from PIL import Image
    dark = np.asarray(Image.open(picture).convert("L")) < 250
    return dark.any(axis=1), dark.any(axis=0)


CLASSIFIED = ["confusion", "mistakes"]
PICTURES = {
    "knn": ["cross_validation", "neighbours", *CLASSIFIED],
    "softmax": ["curves", "templates", *CLASSIFIED],
    "mlp": ["curves", *CLASSIFIED],
    "lenet": ["curves", "filters", *CLASSIFIED],
    "resnet": ["curves", *CLASSIFIED],
    "vit": ["curves", "attention", *CLASSIFIED],
    "speedrun": ["curves", *CLASSIFIED],
    "ensemble": ["members", *CLASSIFIED],
    "hyperparameter_search": ["trials"],
    "transfer": ["ways", *CLASSIFIED],
    "gan": ["neighbours", "curves", "samples", "over_time", "walk"],
    "autoencoder": ["curves", "samples", "over_time", "back"],
    "vqvae": ["neighbours", "curves", "samples", "over_time", "back"],
    **{name: ["curves", "samples", "over_time", "completed"] for name in ("made", "pixelcnn", "pixelrnn")},
    **{name: ["curves", "found", "precision_recall"] for name in DETECTORS},
    "selective_search": ["boxes"],
    "speeds": ["bars"],
    **{name: ["curves", "found"] for name in ("unet", "fcn", "mask_rcnn", "keypoints", "localization")},
    "vae": ["neighbours", "curves", "samples", "over_time", "back", "walk"],
    "diffusion": ["neighbours", "curves", "samples", "over_time", "steps", "guidance"],
    "conditional_gan": ["neighbours", "samples", "over_time", "between"],
    "stylegan": ["neighbours", "samples", "over_time", "truncation", "mixing"],
    "cyclegan": ["samples", "over_time", "both_ways"],
    "igan": ["samples", "over_time", "projections", "arithmetic"],
    "pix2pix": ["samples", "over_time", "compared"],
    "latent_diffusion": ["neighbours", "samples", "over_time", "captions"],
}


@needs_matplotlib
@pytest.mark.parametrize("name", [name for name in FILES if name not in MADE_TO_ORDER])
def test_pictures_have_no_empty_parts(name, tmp_path):
    steps = ["--epochs", 2, "--max-steps", 90, *SHORT[name][2:]] if "--max-steps" in SHORT[name] else SHORT[name]
    run(name, "--plot", tmp_path, *steps)
    drawn_without_gaps(tmp_path, name)


def drawn_without_gaps(folder, name):
    assert {path.name for path in folder.iterdir()} == {f"{name}_{picture}.png" for picture in PICTURES[name]}
    for picture in PICTURES[name]:
        rows, columns = ink(folder / f"{name}_{picture}.png")
        for used in rows, columns:
            gaps = [len(gap) for gap in "".join("x" if u else " " for u in used).split("x")]
            assert max(gaps) < 0.2 * len(used), f"{picture}: a fifth of it is empty"


def test_a_loss_that_is_no_number_ends_the_program(tmp_path):
    assert "try a smaller --lr" in refused("softmax", "--lr", 1e30, "--epochs", 3)


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.py")), ids=lambda path: path.name)
def test_examples_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 140, "one idea a file, readable as a lecture"
