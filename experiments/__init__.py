"""One module a question, and the command line that asks them."""

__project__ = "cutlayer"
