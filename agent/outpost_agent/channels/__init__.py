"""The adapters of chat platforms, each readable on its own."""
