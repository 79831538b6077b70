"""What a plugin may import: the interfaces of channels, tasks and handlers, and the suites that check them."""
