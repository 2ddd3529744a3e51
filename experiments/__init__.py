"""The tool: scenarios, runs, sweeps, records, figures and reports, its command line, and the study of the paper."""
