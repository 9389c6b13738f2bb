"""A whole data set explained: read in chunks, worked on by many processes, kept in shards, resumed where it stopped."""
