"""Data sets that torchvision has not."""
