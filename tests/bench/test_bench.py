"""The benchmarks run: a few short rows, each figure of which is there and possible. How large it is says nothing here."""

import glob
import json
import os
import subprocess
import sys
import tempfile
import xml.dom.minidom

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
passed = failed = 0


def check(condition, text):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print("FAIL " + text)


def run(*words, **environment):
    """What bench/run prints, and what it keeps: the JSON and the pictures."""
    with tempfile.TemporaryDirectory() as results:
        done = subprocess.run([sys.executable, os.path.join(ROOT, "bench/run"), *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=1500, check=False,
                              env={**os.environ, "ROUNDS": "1", "SECONDS": "0.5", "RESULTS": results, **environment})
        check(done.returncode == 0, f"bench/run {' '.join(words)}: {done.returncode}\n{done.stdout}")
        kept = [json.load(open(path, encoding="utf-8")) for path in glob.glob(results + "/*.json")]
        tables = [open(path, encoding="utf-8").read() for path in glob.glob(results + "/*.md")]
        check(len(tables) == 1 and all(f"| {row['name']} |" in tables[0] for each in kept for row in each["rows"]),
              "the rows are kept in Markdown too")
        pictures = [xml.dom.minidom.parse(path) for path in glob.glob(results + "/*.svg")]
    return done.stdout, kept[0] if kept else {}, pictures


def rows_are_measured(printed, kept):
    rows = {row["name"]: row for row in kept.get("rows", [])}
    check(set(rows) == {"entity read, 16 pipelined", "like and take back", "not modified (304)"}, f"rows: {set(rows)}")
    for name, row in rows.items():
        check(name in printed, f"{name} is printed")
        for result in row["server"]:
            check(result["answered"] > 0 and result["per_second"] > 0, f"{name}: requests were answered")
            check(sum(result["statuses"].values()) == result["answered"], f"{name}: each has a status")
        check(0 < row["latency"]["latency_us"]["p50"] <= row["latency"]["latency_us"]["p99"], f"{name}: quantiles rise")
        check(row["rss"] > 1 << 20, f"{name}: the server holds memory")
    like = rows.get("like and take back", {"server": [{"records": 0, "log_bytes": 0, "fsyncs": 0}], "rocksdb": []})
    check(like["server"][0]["records"] > 0, "likes are recorded")
    check(like["server"][0]["log_bytes"] > 100 * like["server"][0]["records"], "and have a size")
    check(0 < like["server"][0]["fsyncs"] <= like["server"][0]["records"], "one sync serves one or many")
    check(like["rocksdb"] and like["rocksdb"][0]["per_second"] > 0, "there is a floor below them")


def load_is_drawn(printed, kept, pictures):
    curves = kept.get("latency against load", {})
    check([len(points) for points in curves.values()] == [9, 9], "nine loads of two paths")
    check(len(pictures) == 1 and len(pictures[0].getElementsByTagName("polyline")) == 6, "are drawn")
    check("order of 2 lines, paid, p99.9" in printed, "and printed")


found = run("16 pipelined", "like", "304", "latency against load")
rows_are_measured(*found[:2])
load_is_drawn(*found)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
