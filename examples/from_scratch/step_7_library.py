"""Step 7: the library takes over.

The network and the training of step 6 in minidl, from the same parameters, over the same batches: the losses are the
same. What the library adds stands on the same idea. Its rules are made of its own operations, so gradients can be
derived again; its arrays may live on a GPU; its operations are fast and check what they are given. The files to read
next: `minidl/autograd/op.py` is our list of rules, `minidl/autograd/engine.py` our `backward`, and
`minidl/ops/elementwise/arithmetic.py` our `__add__` and `__mul__`.

    python examples/from_scratch/step_7_library.py
"""
from __future__ import annotations

import numpy as np
from step_4_memory import Tensor
from step_5_modules import SGD, the_same_in_minidl
from step_6_training import cross_entropy, digits, new_model

import minidl

if __name__ == "__main__":
    x, labels = digits(train=True)
    ours = new_model()
    theirs = the_same_in_minidl(ours)
    our_optimizer = SGD(ours.parameters(), lr=0.1)
    their_optimizer = minidl.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    rng, difference = np.random.default_rng(1), 0.0
    for batch in np.array_split(rng.permutation(len(x)), len(x) // 64):
        our_loss = cross_entropy(ours(Tensor(x[batch])), labels[batch])
        our_optimizer.zero_grad()
        our_loss.backward()
        our_optimizer.step()

        their_loss = minidl.nn.functional.cross_entropy(theirs(minidl.tensor(x[batch])), minidl.tensor(labels[batch]))
        their_optimizer.zero_grad()
        their_loss.backward()
        their_optimizer.step()
        difference = max(difference, abs(our_loss.value.item() - their_loss.item()))
    print(f"largest difference from minidl's losses: {difference:.1e}")

    t = minidl.tensor(2.0, requires_grad=True)
    velocity = minidl.autograd.grad(t ** 3, t, create_graph=True)[0]
    acceleration = minidl.autograd.grad(velocity, t)[0]
    print(f"and the derivative of the derivative of t ** 3 at 2: {acceleration.item():g}")
