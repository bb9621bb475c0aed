"""The registry as a program: HTTP round `farmhand.scheduling`."""
