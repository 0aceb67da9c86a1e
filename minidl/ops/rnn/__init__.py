"""Recurrent networks: every step of a sequence changes a state, which is the memory.

Read `layers.py` first: the `reference` of each op is the mathematics, in ordinary ops.
"""
from minidl.ops.rnn.layers import GRULayer, LSTMLayer, RecurrentLayer, RNNLayer, RNNReluLayer
from minidl.ops.rnn.stacked import gru, lstm, rnn_relu, rnn_tanh
from minidl.ops.rnn.cells import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell
