"""What is done to any torch module: guard, hooks, traces, gradients."""
