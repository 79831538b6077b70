"""The command `outpost`: runs the device, talks to it, analyses a file without it, and checks its health."""
