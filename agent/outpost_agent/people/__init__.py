"""Who may talk to the device: its owner, the people who were paired, the browsers that are signed in."""
