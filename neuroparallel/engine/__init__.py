"""Two engines of one meaning: a readable scalar one, and a batch one that plays many lanes at once."""
