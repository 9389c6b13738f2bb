"""What everything stands on: errors, arguments, arrays, files, progress, statistics."""
