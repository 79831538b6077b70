"""The board a device runs on: what it is made of and how it is doing."""
