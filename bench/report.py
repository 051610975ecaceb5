"""What was measured, as a table, as JSON and as a picture."""

import datetime
import json
import math
import os
import re
import statistics

import measure
import prepare

RESULTS = os.environ.get("RESULTS", os.path.join(prepare.BENCH, "results"))
NAME_WIDTH = 38
COLUMNS = [                 # title, width
    ("requests/s", 11), ("±", 5), ("of floor", 9), ("p50 ms", 8), ("p99 ms", 9), ("p99.9 ms", 9), ("server µs", 10),
    ("client µs", 10), ("calls", 6), ("client", 7), ("fsyncs/s", 9), ("req/fsync", 10), ("log B", 7), ("written", 8),
    ("RSS MiB", 8),
]


# ---- The table -------------------------------------------------------------------------------------------------------

def print_line(name, *cells):
    cells = [*cells, *[""] * (len(COLUMNS) - len(cells))]
    line = "".join(str(cell).rjust(width) for cell, (_, width) in zip(cells, COLUMNS))
    print((name.ljust(NAME_WIDTH) + line).rstrip(), flush=True)


def print_titles():
    print_line("", *(title for title, _ in COLUMNS))


def spread(results):
    """Half the range, of the mean."""
    rates = [each["per_second"] for each in results]
    return f"{(max(rates) - min(rates)) / 2 / statistics.fmean(rates):.0%}"


def cpu(results, name):
    return f"{sum(each[name] for each in results) / sum(each['answered'] for each in results):.1f}"


def latencies(result):
    return [f"{result['latency_us'][name] / 1000:.3f}" for name in ("p50", "p99", "p99_9")]


def print_row(row):
    rate = measure.mean(row.server, "per_second")
    floors = [measure.mean(each, "per_second") for each in (row.http, row.rocksdb) if each]
    numbers = [f"{each:.1f}" for each in row.calls] if row.calls else ["-", "-"]
    print_line(row.name, f"{rate:,.0f}", spread(row.server), f"{rate / min(floors):.0%}" if floors else "",
               *latencies(row.latency), cpu(row.server, "server_cpu_us"), cpu(row.server, "client_cpu_us"), *numbers,
               *store_cells(row), f"{row.rss / 2**20:,.0f}")
    if row.http:
        floor = measure.mean(row.http, "per_second")
        print_line(f"  floor: http, {row.reply_bytes:,} B", f"{floor:,.0f}", spread(row.http), f"{rate / floor:.0%}",
                   *latencies(row.http_latency), cpu(row.http, "server_cpu_us"), cpu(row.http, "client_cpu_us"))
    if row.rocksdb:
        records, record_bytes = row.store_shape()
        floor = measure.mean(row.rocksdb, "per_second")
        used = sum(each["cpu_us"] for each in row.rocksdb) / sum(each["records"] for each in row.rocksdb) * records
        fsyncs = sum(each["batches"] for each in row.rocksdb) / sum(each["seconds"] for each in row.rocksdb)
        print_line(f"  floor: rocksdb, {records:.1f} × {record_bytes:,} B", f"{floor:,.0f}", spread(row.rocksdb),
                   f"{rate / floor:.0%}", "", "", "", f"{used:.1f}", "", "", "", f"{fsyncs:,.0f}",
                   f"{row.connections / records:,.1f}")
    if row.redis:
        print_line("  Redis, appendfsync always: SET", f"{row.redis['per_second']:,.0f}", "",
                   f"{rate / row.redis['per_second']:.0%}")


def store_cells(row):
    """Syncs a second, requests for each, bytes of the log for each request, and of the disk for each of the log."""
    seconds, rate = measure.mean(row.server, "store_seconds"), measure.mean(row.server, "per_second")
    fsyncs = measure.mean(row.server, "fsyncs") / seconds
    if not row.writes or not fsyncs:
        return [f"{fsyncs:,.0f}", "", "", ""]
    log_bytes = sum(each["log_bytes"] for each in row.server)
    written = [each["written"] for each in row.server]
    requests = sum(each["per_second"] * each["store_seconds"] for each in row.server)
    return [f"{fsyncs:,.0f}", f"{rate / fsyncs:,.1f}", f"{log_bytes / requests:,.0f}",
            "-" if None in written else f"{sum(written) / log_bytes:.1f} ×"]


def print_threads(rows):
    print("\nServer CPU by thread, µs a request:")
    for row in rows:
        total, answered = {}, sum(each["answered"] for each in row.server)
        for result in row.server:
            for name, used in result["threads"]:
                total[name] = total.get(name, 0) + used
        shown = ", ".join(f"{name} {total[name] / answered:.1f}" for name in sorted(total, key=total.get, reverse=True)
                          if total[name] / answered >= 0.05)
        print(f"  {row.name.ljust(NAME_WIDTH - 2)}{shown}")


# ---- The head --------------------------------------------------------------------------------------------------------

def machine():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    except OSError:
        model = None
    return model.group(1) if model else os.uname().machine


def disk():
    """The type of the file system below the data: that of the longest mount point that the path begins with."""
    best = ("", "?")
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            point, kind = line.split(" ")[1:3]
            if (os.path.realpath(measure.DIRECTORY) + "/").startswith(point.rstrip("/") + "/"):
                best = max(best, (point, kind), key=lambda each: len(each[0]))
    return best[1]


def print_head(kind):
    print(f"souk on {len(measure.cores())} cores ({machine()}), which server and client share"
          f"{', pinned apart' if measure.PIN else ''}; data on {kind}.")
    print(f"{measure.CONNECTIONS} connections, {measure.SECONDS:g} s a row in {measure.ROUNDS} rounds, floors in turn; "
          f"load average {os.getloadavg()[0]:.1f}. Latencies: open loop at half of the row's rate.")
    if measure.SETTINGS:
        print("Settings: " + " ".join(f"{name}={value}" for name, value in measure.SETTINGS.items()))
    if kind == "tmpfs":
        print("The data is in memory: a sync costs nothing, and the rows that write say nothing of a disk.")
    print("calls: system calls a request, of the server and of the client; log B: bytes of the log a request; "
          "written: bytes to the disk for each of the log.\n")


# ---- Files -----------------------------------------------------------------------------------------------------------

def keep(kind, **what):
    """Writes the JSON; its path below the project, and the path of a picture beside it."""
    os.makedirs(RESULTS, exist_ok=True)
    now = datetime.datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    path = os.path.join(RESULTS, now + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"time": now, "machine": machine(), "cores": len(measure.cores()), "pinned": measure.PIN,
                   "disk": kind, "settings": measure.SETTINGS, "seconds": measure.SECONDS, "rounds": measure.ROUNDS,
                   "connections": measure.CONNECTIONS, **what}, file, indent=1)
        file.write("\n")
    return path


def write_markdown(path, rows):
    """The rows as a table for docs/PERFORMANCE.md."""
    lines = ["| scenario | requests/s | of floor | p50 ms | p99 ms | server µs | calls | log B |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for row in rows:
        rate = measure.mean(row.server, "per_second")
        floors = [measure.mean(each, "per_second") for each in (row.http, row.rocksdb) if each]
        lines.append("| " + " | ".join([
            row.name, f"{rate:,.0f}", f"{rate / min(floors):.0%}" if floors else "", *latencies(row.latency)[:2],
            cpu(row.server, "server_cpu_us"), f"{row.calls[0]:.1f}" if row.calls else "", store_cells(row)[2]]) + " |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 360, 70, 40, 50
SERIES = [("p50", "#2a7f62"), ("p99", "#c77d0a"), ("p99_9", "#b3261e")]


def draw(path, curves):
    """Latency against load, one panel below the other: {name: [(requests/s, latency_us of bench/load)]}."""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT * len(curves)}" '
             'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for number, (name, points) in enumerate(curves.items()):
        parts.append(f'<g transform="translate(0,{HEIGHT * number})">{panel(name, points)}</g>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>\n"]))


def panel(name, points):
    values = [latency[series] / 1000 for _, latency in points for series, _ in SERIES]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    most = max(rate for rate, _ in points)

    def x(rate):
        return LEFT + (WIDTH - LEFT - 30) * rate / most

    def y(milliseconds):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(milliseconds) - low) / (high - low)

    parts = [f'<text x="{LEFT}" y="20" font-size="15">{name}: latency (ms) against load (requests/s)</text>']
    for power in range(low, high + 1):
        at = y(10 ** power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 30}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0 ** power:g}</text>')
    for rate, _ in points:
        parts.append(f'<text x="{x(rate):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{rate:,.0f}</text>')
    for place, (series, colour) in enumerate(SERIES):
        line = " ".join(f"{x(rate):.1f},{y(latency[series] / 1000):.1f}" for rate, latency in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{LEFT + 60 * place}" y="{HEIGHT - 10}" fill="{colour}">{series.replace("_", ".")}</text>')
    return "\n".join(parts)
