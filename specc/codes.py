"""Every code that specc reports, one line each. Append only: a code is never deleted or given a new meaning."""

from specc.diagnostics import Code, Severity

S001 = Code("S001", "not YAML")
S002 = Code("S002", "duplicate key")
S003 = Code("S003", "expansion too large")
S004 = Code("S004", "`extends` not found or in a cycle")
S005 = Code("S005", "bad expression")
S006 = Code("S006", "a parameter unknown or not set")

S101 = Code("S101", "unknown key")
S102 = Code("S102", "unknown name")
S103 = Code("S103", "unknown argument")
S104 = Code("S104", "missing argument")
S105 = Code("S105", "wrong type or value")
S106 = Code("S106", "a step without exactly one call")
S107 = Code("S107", "unsupported language version")

S201 = Code("S201", "undefined reference")
S202 = Code("S202", "duplicate name")
S203 = Code("S203", "a reference forward")
S204 = Code("S204", "wrong number of inputs")
S205 = Code("S205", "a target without an output, or the other way round")
S206 = Code("S206", "a step that nothing uses", Severity.WARNING)

S301 = Code("S301", "wrong rank")
S302 = Code("S302", "dimensions disagree")
S303 = Code("S303", "a dimension below 1")
S304 = Code("S304", "wrong dtype")
S305 = Code("S305", "a dimension that must be known is not")

S401 = Code("S401", "loss and output shape disagree")
S402 = Code("S402", "loss and last activation disagree")
S403 = Code("S403", "loss and target type disagree")
S404 = Code("S404", "metric and output disagree")
S405 = Code("S405", "class counts disagree")

S501 = Code("S501", "data not found")
S502 = Code("S502", "no such column")
S503 = Code("S503", "unreadable value")
S504 = Code("S504", "value out of range")
S505 = Code("S505", "empty split")

S601 = Code("S601", "strategy or device not available")
S604 = Code("S604", "does not fit in memory")
S605 = Code("S605", "diverged")
S606 = Code("S606", "a needed package is not installed")
S607 = Code("S607", "an artefact that fails its check")

ALL: dict[str, Code] = {name: value for name, value in list(globals().items()) if isinstance(value, Code)}
