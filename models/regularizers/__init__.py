"""What keeps a network from memorizing: plain functions that the training loop calls, each switched on by itself."""
