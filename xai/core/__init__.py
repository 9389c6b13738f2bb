"""What every part stands on: the model, what an explanation is, the model folder, errors."""
