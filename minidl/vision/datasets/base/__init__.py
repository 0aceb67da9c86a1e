"""What data sets are built from: base classes, and readers of files from elsewhere."""
