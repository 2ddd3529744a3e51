"""Scenario files: their words, what is wrong with one, what a run is given; and those that come with cutlayer."""
