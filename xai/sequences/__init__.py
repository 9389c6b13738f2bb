"""Networks that read and write in order: which source symbol a written one rests on, and what gates do over time."""
