"""judge: Plan → Plan. Losses, targets, metrics, outputs, callbacks and embeddings: does the spec mean something?"""

from __future__ import annotations

from dataclasses import replace

from specc.diagnostics import Log
from specc.passes.judge.augmentation import judge_augmentation
from specc.passes.judge.class_weights import with_class_weights
from specc.passes.judge.losses import judge_loss
from specc.passes.judge.matching import matched
from specc.passes.judge.metrics import judge_metric
from specc.passes.judge.monitors import judge_callbacks
from specc.passes.judge.precision import judge_precision
from specc.passes.judge.ranges import judge_ranges, with_lookups
from specc.passes.judge.unused import without_unused
from specc.plan import Plan

__all__ = ["judge"]


def judge(plan: Plan, log: Log) -> Plan:
    """Report what is well formed and means nothing; leave out the steps that nothing uses."""
    network = without_unused(plan.network, log)
    plan = replace(plan, network=network)
    judge_ranges(plan, log)
    plan = with_lookups(plan)
    if plan.training is not None:
        judge_precision(plan, plan.training, log)
    if plan.dataset is not None:
        judge_augmentation(plan.dataset, log)
    if plan.dataset is not None and plan.training is not None:
        cases = matched(plan, plan.training, log)
        for case in cases:
            if case.loss is not None:
                judge_loss(case, case.loss)
            for metric in case.metrics:
                judge_metric(case, metric)
        judge_callbacks(plan, plan.training, cases, log)
        plan = with_class_weights(plan, plan.training, cases, log)
    return plan
