"""A whole data set explained: read in pieces, worked on by many processes, kept in shards, resumed where it stopped."""
