"""The page of scaling.py: SVG plots with logarithmic axes, tables of the numbers, the raw JSON. One file, no script.

Colours are those of Okabe and Ito 2008; series differ in the shape of their marks as well.
"""
import html
import json
import math

COLOURS = ("#0072b2", "#d55e00", "#00795a", "#8a5a00", "#8a929b")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 470, 310, 66, 18, 14, 48

STYLE = """
body{margin:0;background:#fff;color:#1b1f24;font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
main{max-width:1020px;margin:0 auto;padding:28px 30px 60px}h1{font-size:26px;margin:0 0 4px}
h2{font-size:17px;margin:0 0 2px}p{margin:4px 0;max-width:82ch}.soft,figcaption,summary{color:#57606a;font-size:13px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(430px,1fr));gap:26px 28px;margin-top:26px}
figure{margin:0;break-inside:avoid}svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#1b1f24}svg .title{fill:#57606a}
.grid{stroke:#d4d9df;stroke-width:.7}.axis{stroke:#57606a}.line{fill:none;stroke-width:2}
.legend{list-style:none;margin:4px 0;padding:0;font-size:13px}
.legend svg{display:inline;width:30px;height:12px;margin-right:6px}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;margin:6px 0}
td,th{padding:2px 10px;border-bottom:1px solid #d4d9df;text-align:right}td:first-child,th:first-child{text-align:left}
pre{font-size:11px;overflow:auto;max-height:420px;background:#f6f7f9;padding:8px}
"""


def number(x):
    """Three significant digits, grouped."""
    if x == 0 or not math.isfinite(x):
        return "0" if x == 0 else "-"
    decimals = max(0, 2 - math.floor(math.log10(abs(x))))
    text = f"{round(x, 2 - math.floor(math.log10(abs(x)))):,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def ticks(low, high, most=7):
    """Round multiples of powers of ten within the axis, as close as they are not too many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [f * 10.0 ** e for e in exponents for f in factors if low * 0.999 <= f * 10.0 ** e <= high * 1.001]
        if len(found) <= most:
            return found
    return found[::2]


def bounds(values):
    low, high = min(values), max(values)
    # At least a factor of 2, so that small differences look small.
    margin = max((high / low) ** 0.06, 1.15, math.sqrt(2 * low / high))
    return low / margin, high * margin


def mark(shape, x, y, colour):
    """A mark of one of five shapes."""
    if shape % 5 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    if shape % 5 == 1:
        return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" fill="{colour}"/>'
    corners = {2: ((0, -5), (4.5, 3.5), (-4.5, 3.5)), 3: ((0, -5), (5, 0), (0, 5), (-5, 0)),
               4: ((-4.5, -3.5), (4.5, -3.5), (0, 5))}[shape % 5]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'


def plot(series, x_title, y_title, x_ticks=None):
    """An SVG of named lists of (x, y), both axes logarithmic."""
    x_low, x_high = bounds([x for points in series.values() for x, _ in points])
    y_low, y_high = bounds([y for points in series.values() for _, y in points])

    def column(x):
        return LEFT + math.log(x / x_low) / math.log(x_high / x_low) * (WIDTH - LEFT - RIGHT)

    def row(y):
        return HEIGHT - BOTTOM - math.log(y / y_low) / math.log(y_high / y_low) * (HEIGHT - TOP - BOTTOM)

    floor = HEIGHT - BOTTOM
    parts = []
    for y in ticks(y_low, y_high):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{row(y):.1f}" y2="{row(y):.1f}"/>'
                     f'<text x="{LEFT - 7}" y="{row(y) + 4:.1f}" text-anchor="end">{number(y)}</text>')
    for x in x_ticks or ticks(x_low, x_high):
        parts.append(f'<line class="axis" x1="{column(x):.1f}" x2="{column(x):.1f}" y1="{floor}" y2="{floor + 4}"/>'
                     f'<text x="{column(x):.1f}" y="{floor + 17}" text-anchor="middle">{number(x)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>'
                 f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{floor}"/>'
                 f'<text class="title" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" '
                 f'text-anchor="middle">{x_title}</text>'
                 f'<text class="title" x="14" y="{(TOP + floor) / 2}" text-anchor="middle" '
                 f'transform="rotate(-90 14 {(TOP + floor) / 2})">{y_title}</text>')
    for index, points in enumerate(series.values()):
        colour = COLOURS[index % len(COLOURS)]
        path = "L".join(f"{column(x):.1f} {row(y):.1f}" for x, y in points)
        parts.append(f'<path class="line" stroke="{colour}" d="M{path}"/>')
        parts += [mark(index, column(x), row(y), colour) for x, y in points]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{html.escape(y_title)} against {html.escape(x_title)}">{"".join(parts)}</svg>')


def figure(title, caption, series, x_title, y_title, x_ticks=None):
    """A plot with its title, legend, caption and table; nothing without points."""
    series = {name: sorted(points) for name, points in series.items() if points}
    if not series:
        return ""
    legend = "".join(
        f'<li><svg viewBox="0 0 30 12"><path class="line" stroke="{COLOURS[i % len(COLOURS)]}" d="M0 6H30"/>'
        f'{mark(i, 15, 6, COLOURS[i % len(COLOURS)])}</svg>{html.escape(name)}</li>' for i, name in enumerate(series))
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in series)
    values = {name: dict(points) for name, points in series.items()}
    lines = ""
    for x in sorted({x for points in series.values() for x, _ in points}):
        cells = "".join(f"<td>{number(found[x]) if x in found else ''}</td>" for found in values.values())
        lines += f"<tr><td>{number(x)}</td>{cells}</tr>"
    table = f"<table><tr><th>{x_title}</th>{heads}</tr>{lines}</table>"
    return (f'<figure><h2>{html.escape(title)}</h2><ul class="legend">{legend}</ul>'
            f"{plot(series, x_title, y_title, x_ticks)}<figcaption>{html.escape(caption)}</figcaption>"
            f"<details><summary>numbers</summary>{table}</details></figure>")


def group(rows, x, y, name):
    """Series by name: a row without x or y is left out."""
    series = {}
    for row in rows:
        if row.get(x) and row.get(y):
            series.setdefault(name(row), []).append((row[x], row[y]))
    return series


def configuration(row):
    return f"{row['device']} {row['precision']}"


def network(row):
    return f"{row['layers']} layers of {row['neurons']}, {row['engine'].split(',')[0]}"


def figures(parts):
    def rows(part):
        return parts.get(part, {}).get("rows", [])

    for row in rows("passes"):
        row["fixedPasses"] = row["n"] + 100
    passes = group(rows("passes"), "n", "expectedPasses", lambda row: "sequential, sigma / 2, typical data")
    passes.update(group(rows("passes"), "n", "fixedPasses", lambda row: "fixed"))
    for row in rows("layers"):
        row["microseconds"] = 1e6 / row["boundsPerSecond"]
    searches = [{**row, "search": row["seconds"]["search"]} for row in rows("subproblems") if row["subproblems"] > 1]
    sizes = [row["size"] for row in rows("size")]
    yield figure("Throughput and batch", "8 convolutions at 64 x 64; one instance of the network for each core.",
                 group(rows("batch"), "batch", "samplesPerSecond", configuration), "samples in a batch", "samples / s",
                 sorted({row["batch"] for row in rows("batch")}))
    yield figure("Throughput and cores", "8 convolutions at 64 x 64.",
                 group(rows("threads"), "threads", "samplesPerSecond", configuration), "threads", "samples / s",
                 sorted({row["threads"] for row in rows("threads")}))
    yield figure("Throughput and image size", "8 convolutions; the work is proportional to the area.",
                 group(rows("size"), "size", "samplesPerSecond", configuration), "pixels in a row", "samples / s",
                 sorted(set(sizes)))
    yield figure("Multiply-adds and image size", "8 convolutions; of the peak that was measured beside each.",
                 {name: [(x, 100 * y) for x, y in points]
                  for name, points in group(rows("size"), "size", "shareOfPeak", configuration).items()},
                 "pixels in a row", "% of peak", sorted(set(sizes)))
    yield figure("Throughput and depth", "At 64 x 64.",
                 group(rows("depth"), "depth", "samplesPerSecond", configuration), "convolutions", "samples / s",
                 sorted({row["depth"] for row in rows("depth")}))
    yield figure("Passes of a certificate and n",
                 "Sequential sampling stops when the answer is clear; n bounds the hard inputs.",
                 passes, "n", "passes for one input")
    yield figure("A bound and the layers",
                 "With the terms for rounding errors. Fused bounds treat all rows and every neuron, gather blocks one row "
                 "under fixed bounds of neurons.",
                 group(rows("layers"), "layers", "microseconds", lambda row: f"{row['inputs']}-{row['neurons']} x layers, "
                       f"{row['path']}" + ("" if row["device"] == "cpu" else ", " + row["device"])),
                 "layers", "microseconds of a bound", sorted({row["layers"] for row in rows("layers")}))
    yield figure("A search and its subproblems", "Properties closer and closer to false; one point a search.",
                 group(searches, "subproblems", "search", network), "subproblems", "seconds")


def page(record):
    """The whole page."""
    parts = json.loads(json.dumps(record["parts"]))
    loads = ", ".join(f"{name} {part['load']}" for name, part in parts.items() if "load" in part)
    drawn = "".join(figures(parts))
    raw = html.escape(json.dumps(record, separators=(",", ":")))
    title = f"Scaling of surety {record.get('surety', '')}"
    return (f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
            f"<style>{STYLE}</style><main><h1>{html.escape(title)}</h1>"
            f'<p class="soft">{html.escape(record["machine"]["processor"])}, {record["machine"]["cores"]} cores, '
            f'{record["date"][:10]}. All axes are logarithmic. Made by Benchmarks/scaling.py. '
            f'Load of the machine before each part: {html.escape(loads)}.</p>'
            f'<div class="plots">{drawn}</div><details><summary>raw numbers (JSON)</summary><pre>{raw}</pre></details>'
            f"</main></html>\n")
