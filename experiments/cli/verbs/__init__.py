"""What ``cutlayer`` can do: one module a verb, found by its name.

A verb has ``HELP`` (a line for the list of verbs), ``DESCRIPTION``, ``EXAMPLE`` (a command line),
``add_arguments(parser)`` and ``call(arguments)``, which returns the exit status. All of them are imported
for ``cutlayer --help``: slow imports happen inside ``call``.
"""
