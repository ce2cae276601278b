"""The command line: a thin shell on `specc.driver` and `specc.render`."""
