"""Learning: losses, optimisers, episodes, the training loop, and the files that keep it."""
