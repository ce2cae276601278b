"""An evaluation as one HTML document with its charts, which needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from specc.render.evaluation.charts import charts
from specc.render.evaluation.words import LISTED, confused, rates, worst
from specc.render.metrics import figure

STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:1100px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem;margin-bottom:.2rem}
h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;margin:1rem 0}
td,th{text-align:right;padding:.2rem 1rem .2rem 0;border-bottom:1px solid #8884}
td:first-child,th:first-child{text-align:left}
th{font-weight:500;opacity:.7}
.charts{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}
"""


def as_page(title: str, report: Mapping[str, Any]) -> str:
    """One HTML document of a report (see `specc.backend.inference.examine`)."""
    told = [
        [name, figure(value) if isinstance(value, float) else str(value)] for name, value in report["metrics"].items()
    ]
    body = f"<h1>{escape(title)}</h1>\n<p>{report['examples']:,} examples of {escape(str(report['data']))}</p>\n"
    body += _table([["", ""], *told])
    for name, found in report["outputs"].items():
        body += f"<h2>{escape(name)}</h2>\n"
        if found["kind"] == "none":
            body += f"<p>left out: {escape(found['why'])}</p>\n"
            continue
        if found["kind"] == "numbers" and found["count"]:
            keys = {"mae": "MAE", "rmse": "RMSE", "r2": "R²"}
            body += _table([list(keys.values()), ["-" if found[k] is None else figure(found[k]) for k in keys]])
        body += f'<div class="charts">{"".join(charts(found).values())}</div>\n'
        if "per_class" in found:
            if len(found["per_class"]) > LISTED:
                body += f"<p>the {LISTED // 2} classes of {len(found['per_class'])} with the lowest F1</p>\n"
            body += _table(rates(found))
        if found.get("confusion") and len(pairs := confused(found)) > 1:
            body += f"<h3>confused most</h3>{_table(pairs)}"
        if found.get("worst"):
            body += (
                f"<h3>{'farthest off' if found['kind'] == 'numbers' else 'surest mistakes'}</h3>{_table(worst(found))}"
            )
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>\n{body}</html>\n'
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"] if any(head) else []
    lines += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in others]
    return f"<table>{''.join(lines)}</table>\n"
