"""What the device's own page needs beside the chat: claiming and signing in, work and results, the owner's rooms."""
