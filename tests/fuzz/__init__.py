"""Random programs, run in minidl and in PyTorch side by side.

    python -m tests.fuzz --programs 5000                                    # a minute
    python -m tests.fuzz --programs 500000 --seed 1 --jobs 2 --json a.json  # a night, or less
    python -m tests.fuzz --seed 1 --show 1234                               # one program, shortened if it disagrees

A program is a list of statements that both libraries can run (`program.py`). It is drawn statement by statement from a
table (`table.py`) whose blanks are filled with what fits the tensors that are there (`blanks.py`), and it is run while
it grows (`generate.py`). After each statement `run.py` and `compare.py` hold what it made and what it may have changed
against each other: values, shape, dtype, flags, gradients, what hooks have seen, which tensors share memory, and
whether one library refuses what the other does. A program ends where the libraries disagree. `judge.py` knows the
differences that are meant, each with its reason, and `shorten.py` makes of any other a script of a few lines.

A program depends on its seed and its index alone, so `--first` splits a run or goes on with one. A new op is one line
of the table; `test_fuzz.py` tries every line, plants errors to see that they are found, and runs some thousand
programs.
"""
