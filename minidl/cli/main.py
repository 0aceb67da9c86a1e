"""The command `minidl`, or `python -m minidl`."""
from __future__ import annotations

import argparse
from collections.abc import Sequence

from minidl.cli import ending, models
from minidl.cli.convert import add_convert
from minidl.cli.course import add_course
from minidl.cli.info import add_info
from minidl.cli.run import add_run, run


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the words of the command line say."""
    parser = argparse.ArgumentParser(prog="minidl", description="deep learning you can read")
    commands = parser.add_subparsers(required=True, metavar="command")
    models.add_train(commands.add_parser("train", help="train a model of minidl.vision.models on images"))
    models.add_eval(commands.add_parser("eval", help="say how good trained weights are"))
    models.add_summary(commands.add_parser("summary", help="the layers of a model, their sizes and what they cost"))
    add_run(commands.add_parser("run", help="run a program that was written for PyTorch"))
    add_convert(commands.add_parser("convert", help="images with boxes, from one layout into another"))
    add_course(commands.add_parser("course", help="what a course of lectures shows: list its rows, or run one"))
    add_info(commands.add_parser("info", help="what minidl found on this machine"))
    args = parser.parse_args(arguments)
    if args.run_command is not run:     # a program shows its own errors
        ending.without_traceback()
    args.run_command(args)
