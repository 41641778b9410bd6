"""Renders the panels of dashboard.json, as a running Prometheus answers their queries, into a page of HTML.

    python3 render.py http://127.0.0.1:9090 SECONDS > dashboard.html
"""

import html
import json
import math
import pathlib
import sys
import time
import urllib.parse
import urllib.request

COLOURS = ["#2f6fde", "#e08a00", "#d0342c", "#2e9e5b", "#8a56c9", "#1a9ba8", "#b5651d", "#666666"]
# What is well is green, whatever else there is.
NAMED = {"ok": "#2e9e5b", "ok_after_retry": "#2f6fde", "failed": "#e08a00", "failed_after_retry": "#d0342c"}
WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM = 560, 190, 52, 16, 20


def ask(server, query, start, end):
    query = query.replace("$__rate_interval", "5s").replace("$function", ".*")
    arguments = urllib.parse.urlencode({"query": query, "start": start, "end": end, "step": 1})
    with urllib.request.urlopen(f"{server}/api/v1/query_range?{arguments}") as answer:
        return json.load(answer)["data"]["result"]


def series(server, panel, start, end):
    for target in panel["targets"]:
        for found in ask(server, target["expr"], start, end):
            name = target["legendFormat"]
            for label, value in found["metric"].items():
                name = name.replace("{{" + label + "}}", value.removeprefix("observed::"))
            # 0/0, where there was no call at all.
            points = {float(t): float(v) for t, v in found["values"]}
            yield name, {t: v for t, v in points.items() if math.isfinite(v)}


def nice(top):
    step = 10 ** math.floor(math.log10(top / 4)) if top > 0 else 1
    step = next(step * n for n in (1, 2, 2.5, 5, 10) if step * n >= top / 4) if top > 0 else 0.25
    return [step * n for n in range(math.ceil(top / step - 1e-9) + 1)]


def written(value, unit):
    if unit == "percentunit":
        return f"{100 * value:.4g} %"
    return f"{value:.4g}" + {"s": " s", "reqps": "/s"}.get(unit, "")


def draw(panel, lines, start, end):
    unit = panel["fieldConfig"]["defaults"]["unit"]
    stacked = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
    seconds = range(int(end - start) + 1)
    if stacked:
        below, stack = {s: 0.0 for s in seconds}, []
        for name, points in lines:
            low = dict(below)
            for s in seconds:
                below[s] += points.get(start + s, 0.0)
            stack.append((name, low, dict(below)))
        top = max(below.values(), default=0)
    else:
        top = max((v for _, points in lines for v in points.values()), default=0)
    ticks = nice(top)
    x = lambda s: LEFT + (WIDTH - LEFT - RIGHT) * s / (end - start)
    y = lambda v: 8 + (HEIGHT - BOTTOM - 8) * (1 - v / ticks[-1])
    out = [f'<svg width="{WIDTH}" height="{HEIGHT}">']
    for tick in ticks:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{written(tick, unit)}</text>')
    for s in range(0, int(end - start) + 1, 10):
        out.append(f'<text x="{x(s):.1f}" y="{HEIGHT - 5}" text-anchor="middle">{s} s</text>')
    for n, line in enumerate(stack if stacked else lines):
        name, colour = line[0], NAMED.get(line[0], COLOURS[n % len(COLOURS)])
        if stacked:
            _, low, high = line
            up = " ".join(f"{x(s):.1f},{y(high[s]):.1f}" for s in seconds)
            down = " ".join(f"{x(s):.1f},{y(low[s]):.1f}" for s in reversed(seconds))
            out.append(f'<polygon points="{up} {down}" fill="{colour}" fill-opacity="0.75"/>')
        else:
            # A gap is a gap.
            pieces, last = [[]], None
            for t in sorted(line[1]):
                if last is not None and t - last > 1.5:
                    pieces.append([])
                pieces[-1].append(f"{x(t - start):.1f},{y(line[1][t]):.1f}")
                last = t
            for piece in pieces:
                out.append(f'<polyline points="{" ".join(piece)}" fill="none" stroke="{colour}" stroke-width="2"/>')
    out.append("</svg><p class=legend>")
    for n, line in enumerate(lines):
        colour = NAMED.get(line[0], COLOURS[n % len(COLOURS)])
        out.append(f'<span><i style="background:{colour}"></i>{html.escape(line[0])}</span>')
    out.append("</p>")
    return "".join(out)


def main(server, length):
    end = math.floor(time.time())
    start = end - length
    dashboard = json.loads(pathlib.Path(__file__).with_name("dashboard.json").read_text())
    print(f"""<!doctype html><meta charset=utf-8><title>{dashboard["title"]}</title><style>
body {{ font: 13px "DejaVu Sans", sans-serif; background: #f4f5f7; margin: 14px; width: 1180px }}
main {{ display: grid; grid-template-columns: 1fr 1fr; gap: 10px }}
section {{ background: white; border: 1px solid #dcdde0; padding: 8px 10px }}
h1 {{ font-size: 17px; margin: 2px 0 10px }} h2 {{ font-size: 14px; margin: 0 }}
p {{ margin: 2px 0 6px; color: #666; font-size: 11.5px }} text {{ font-size: 11px; fill: #666 }}
.legend {{ margin: 4px 0 0; color: #333 }} .legend span {{ margin-right: 14px }}
.legend i {{ display: inline-block; width: 10px; height: 10px; margin-right: 5px }}
</style><h1>{dashboard["title"]}, over the example <code>observed</code></h1><main>""")
    for panel in dashboard["panels"]:
        lines = sorted(series(server, panel, start, end), key=lambda line: list(NAMED).index(line[0]) if line[0] in NAMED else 0)
        print(f"<section><h2>{html.escape(panel['title'])}</h2><p>{html.escape(panel['description'].replace('`', ''))}</p>")
        print(draw(panel, lines, start, end), "</section>")
    print("</main>")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
