"""Module, its hooks, its state dict, and the containers."""
from minidl.nn.module.module import Module
from minidl.nn.module.container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
