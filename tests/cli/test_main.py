"""The command line."""
import subprocess
import sys

import pytest

import minidl
from minidl.cli import main
from minidl.cli.classification import Run
from minidl.cli.info import info
from minidl.train import Checkpoint


def test_info_says_what_is_in_use(capsys):
    main(["info"])
    text = capsys.readouterr().out
    assert text == info() + "\n"
    for word in (minidl.__version__, "NumPy", "BLAS", "compiled kernels",
                 f"{minidl.get_num_threads()} (MINIDL_NUM_THREADS"):
        assert word in text


def test_as_a_module():
    result = subprocess.run([sys.executable, "-m", "minidl", "info"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("minidl")


def test_an_unknown_command_is_explained(capsys):
    with pytest.raises(SystemExit):
        main(["fly"])
    assert "invalid choice" in capsys.readouterr().err


def spoken(capsys, *words):
    """What the command prints; it must end well."""
    try:
        main(words)
    except SystemExit as end:
        assert end.code in (None, 0), end.code
    return capsys.readouterr().out


def test_a_model_is_trained_saved_and_evaluated(capsys, tmp_path):
    path = str(tmp_path / "weights")
    output = spoken(capsys, "train", "lenet_caffe", "--epochs", "1", "--lr", "0.02", "--save", path)
    assert f"saved {path}" in output
    accuracy = float(output.split("test accuracy ")[-1].split("%")[0])
    output = spoken(capsys, "eval", "lenet_caffe", "--weights", path)
    assert f"test accuracy {accuracy:.2f}% of 359 images" in output and "calibration error" in output
    assert "train accuracy" in spoken(capsys, "eval", "lenet_caffe", "--weights", path, "--on", "train")


@pytest.mark.parametrize("name", ["resnet18", "airbench93", "vit_mnist", "alexnet", "googlenet"])
def test_all_kinds_of_models_are_trained(name, capsys):
    """Those for three channels, those that look at the data first, one size, large images, or have further heads."""
    assert "test accuracy" in spoken(capsys, "train", name, "--max-steps", "2", "--batch-size", "8")


def test_a_network_that_scores_pixels_is_summed_up_and_not_trained(capsys):
    assert "classifier (LRASPPHead)" in spoken(capsys, "summary", "lraspp_mobilenet_v3_large", "--depth", "1")
    with pytest.raises(SystemExit):
        main(["train", "lraspp_mobilenet_v3_large"])
    assert "invalid choice" in capsys.readouterr().err


def test_a_run_in_the_middle_of_another_model_is_refused(capsys, tmp_path):
    spoken(capsys, "train", "lenet5", "--max-steps", "2", "--run", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        main(["train", "lenet_caffe", "--run", str(tmp_path), "--resume"])
    assert "error:" in str(stopped.value)


def test_test_images_are_looked_at_once_an_epoch(capsys, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(Run, "predict", lambda run, images: seen.append(1) or minidl.zeros(len(images.x), 10))
    words = ["train", "lenet5", "--epochs", "2", "--run", str(tmp_path)]
    spoken(capsys, *words, "--max-steps", "60")
    assert len(seen) == 2                       # the second look: steps have changed the model since the epoch's end
    spoken(capsys, *words, "--resume")
    assert len(seen) == 3


def test_a_run_that_was_planned_for_other_epochs_is_refused(capsys, tmp_path):
    spoken(capsys, "train", "lenet5", "--epochs", "1", "--run", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        main(["train", "lenet5", "--epochs", "2", "--run", str(tmp_path), "--resume"])
    assert "planned for 44 steps, not for 88" in str(stopped.value) and "--epochs" in str(stopped.value)


def test_a_resumed_run_loads_its_checkpoint_once(capsys, monkeypatch, tmp_path):
    words = ["train", "lenet5", "--max-steps", "2", "--run", str(tmp_path)]
    spoken(capsys, *words)
    loaded, load = [], Checkpoint.load
    monkeypatch.setattr(Checkpoint, "load", lambda checkpoint: loaded.append(1) or load(checkpoint))
    spoken(capsys, *words, "--resume")
    assert len(loaded) == 1


def test_weights_of_another_model_are_refused(tmp_path):
    minidl.save(minidl.nn.Linear(2, 2).state_dict(), tmp_path / "weights")
    with pytest.raises(SystemExit) as stopped:
        main(["eval", "lenet5", "--weights", str(tmp_path / "weights")])
    assert "--weights" in str(stopped.value) and "\n" not in str(stopped.value)


@pytest.mark.parametrize("words, said", [
    (["train", "lenet5", "--label-smoothing", "3"], "expected a number, from 0 to 1, but got '3'"),
    (["train", "lenet5", "--weight-decay", "-1"], "expected a number, 0 or more, but got '-1'"),
    (["train", "lenet5", "--seed", str(2 ** 64)], "expected a whole number, from 0 to 18446744073709551615"),
    (["summary", "resnet18", "--size", "100000000"], "takes no images of 100000000x100000000"),
])
def test_what_cannot_work_is_refused_without_a_traceback(words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert said in capsys.readouterr().err + str(stopped.value)


def test_a_weight_decay_and_a_smoothing_may_be_zero(capsys):
    assert "test accuracy" in spoken(capsys, "train", "lenet5", "--max-steps", "1", "--weight-decay", "0",
                                     "--label-smoothing", "0")


def test_summary(capsys):
    assert "269,722" in spoken(capsys, "summary", "resnet20", "--depth", "1")
    with pytest.raises(SystemExit) as stopped:
        main(["summary", "vit_b_16", "--size", "30"])
    assert "takes no images of 30x30" in str(stopped.value)


@pytest.mark.parametrize("words, line", [
    (["lenet5"], "features.0 (Conv2d)      1, 28x28        6  5  1  2   6, 28x28       18.4     0.156        0.118"),
    (["lenet5", "--channels", "3", "--size", "32", "--classes", "7"], "fc.4 (Linear)                  84"),
    (["alexnet"], "features.0 (Conv2d)      3, 224x224       64  11  4  2   64, 55x55        756"),
    (["resnet20"], "conv1 (Conv2d)"),
])
def test_the_table_of_a_lecture(words, line, capsys):
    """Of images as the model's weights or builder have them, if not given."""
    assert line in spoken(capsys, "summary", *words, "--by-layer")
