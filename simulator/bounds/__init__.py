"""Upper bounds on the number of deployed tasks, and the prices behind them."""
