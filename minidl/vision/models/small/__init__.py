"""Networks for images of 28 to 64 pixels, one paper a file, which torchvision does not have."""
