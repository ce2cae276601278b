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
S306 = Code("S306", "an index beyond the declared range")

S401 = Code("S401", "loss and output shape disagree")
S402 = Code("S402", "loss and last activation disagree")
S403 = Code("S403", "loss and target type disagree")
S404 = Code("S404", "metric and output disagree")
S405 = Code("S405", "class counts disagree")
S406 = Code("S406", "optimizer and precision disagree")

S501 = Code("S501", "data not found")
S502 = Code("S502", "no such column")
S503 = Code("S503", "unreadable value")
S504 = Code("S504", "value out of range")
S505 = Code("S505", "empty split")

S601 = Code("S601", "strategy or device not available")
S602 = Code("S602", "batch and replicas")
S603 = Code("S603", "not possible on a TPU")
S604 = Code("S604", "does not fit in memory")
S605 = Code("S605", "diverged")
S606 = Code("S606", "a needed package is not installed")
S607 = Code("S607", "an artefact that fails its check")
S608 = Code("S608", "a run that cannot be gone on with")
S609 = Code("S609", "a run that cannot be written")
S610 = Code("S610", "a process of the cluster is gone")
S611 = Code("S611", "not possible under XLA")
S612 = Code("S612", "a network that a format cannot hold")

W101 = Code("W101", "a comment that allows nothing", Severity.WARNING)

W301 = Code("W301", "no activation between two layers", Severity.WARNING)
W302 = Code("W302", "sigmoids in a deep stack", Severity.WARNING)
W303 = Code("W303", "a bias that normalization cancels", Severity.WARNING)
W304 = Code("W304", "dropout on an output", Severity.WARNING)
W305 = Code("W305", "probabilities made into probabilities again", Severity.WARNING)
W306 = Code("W306", "softmax over one value", Severity.WARNING)
W307 = Code("W307", "most weights in one layer after `Flatten`", Severity.WARNING)
W308 = Code("W308", "dropout that leaves next to nothing", Severity.WARNING)
W309 = Code("W309", "moving averages that stop short", Severity.WARNING)
W310 = Code("W310", "indices that 16 bits round", Severity.WARNING)

W401 = Code("W401", "a learning rate far from the usual", Severity.WARNING)
W402 = Code("W402", "early stopping by what was trained on", Severity.WARNING)
W403 = Code("W403", "an output that cannot reach its target", Severity.WARNING)
W404 = Code("W404", "a callback that takes the worst for the best", Severity.WARNING)

W501 = Code("W501", "pictures that nothing scales", Severity.WARNING)

W601 = Code("W601", "a batch that replicas cannot share evenly", Severity.WARNING)
W602 = Code("W602", "a checkpoint that is damaged", Severity.WARNING)
W603 = Code("W603", "data that a script does not read", Severity.WARNING)
W604 = Code("W604", "a batch that a GPU cannot count", Severity.WARNING)

ALL: dict[str, Code] = {name: value for name, value in list(globals().items()) if isinstance(value, Code)}
