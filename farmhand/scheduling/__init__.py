"""The registry's brain: who lends what until when, and which build may use how much of it."""
