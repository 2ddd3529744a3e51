"""One module a question of the paper."""
