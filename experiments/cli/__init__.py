"""The command line: ``cutlayer VERB``, one file a verb."""
