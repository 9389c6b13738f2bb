"""What a model does as a whole: the columns it needs, how each moves it, the examples and concepts it answers to."""
