"""Data sets of images in files, with labels or boxes, of torchvision's later versions."""
