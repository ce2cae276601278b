"""`specc serve` beside a plain FastAPI handler that asks the same SavedModel about one request at a time.

usage: serving.py RUN_OF_A_TABLE RUN_OF_PICTURES PICTURE

`wrk` asks, in turn, for a few seconds each: the load is not ours. Medians of the rounds. The first run has rows of
numbers and words (`examples/adult.yaml`), the second takes one picture (`examples/photos.yaml`). What is wanted: more
requests a second than the handler, and a shorter p99, wherever several requests come at a time.
"""

import base64
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SECONDS, ROUNDS, CONNECTIONS = 3, 3, (1, 8, 64)

HANDLER = """
import base64, sys
import tensorflow as tf, uvicorn
from fastapi import FastAPI

signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
takes = signature.structured_input_signature[1]
app = FastAPI()

def plain(value):
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value

@app.post("/predict")
def predict(body: dict):
    rows = body["instances"]
    given = {name: tf.constant([plain(row[name]) for row in rows], spec.dtype) for name, spec in takes.items()}
    return {"predictions": next(iter(signature(**given).values())).numpy().tolist()}

uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""

LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open(os.getenv("BODY"))
wrk.body = file:read("*a")
file:close()
"""


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[None]:
    """A process that listens at a port."""
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet)
    try:
        while process.poll() is None:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        yield
    finally:
        process.terminate()
        process.wait()


def load(url: str, body: Path, script: Path, connections: int, seconds: int = SECONDS) -> tuple[float, float, float]:
    """Requests a second, and the median and the 99th percentile of milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), url]
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"BODY": str(body)}
    ).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        sys.exit(told)
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    times = {p: float(v) * units[u] for p, v, u in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", told)}
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", told)
    return float(rate), times["50"], times["99"]


def row_of(url: str) -> dict[str, object]:
    """A row that the model takes, by its OpenAPI."""
    with urllib.request.urlopen(f"{url}/openapi.json") as answer:
        properties = json.load(answer)["components"]["schemas"]["Row"]["properties"]
    return {name: of["examples"][0] if "examples" in of else of["enum"][0] for name, of in properties.items()}


def compare(run: Path, picture: Path | None, folder: Path, at: int) -> None:
    model, ours, theirs = run / "export" / "saved_model", at, at + 1
    (folder / "handler.py").write_text(HANDLER)
    (folder / "load.lua").write_text(LUA)
    specc = [sys.executable, "-m", "specc", "serve", str(run), "--name", "m", "--port", str(ours)]
    handler = [sys.executable, str(folder / "handler.py"), str(model), str(theirs)]
    with serving(specc, ours), serving(handler, theirs):
        url = f"http://127.0.0.1:{ours}"
        if picture is None:
            row = row_of(url)
        else:
            with urllib.request.urlopen(f"{url}/openapi.json") as answer:
                (name,) = json.load(answer)["components"]["schemas"]["Row"]["properties"]
            row = {name: {"b64": base64.b64encode(picture.read_bytes()).decode()}}
        body = folder / "body.json"
        body.write_text(json.dumps({"instances": [row]}))
        urls = {"handler": f"http://127.0.0.1:{theirs}/predict", "specc": f"{url}/v1/models/m:predict"}
        answers = []
        for each in urls.values():
            asked = urllib.request.Request(each, body.read_bytes(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(asked) as got:
                answers.append(json.load(got)["predictions"][0])
            load(each, body, folder / "load.lua", 8, 1)
        if any(abs(a - b) > 1e-5 for a, b in zip(*answers, strict=True)):
            sys.exit(f"the answers differ: {answers}")
        print(f"\n{run.name}, {body.stat().st_size:,} bytes a request")
        print("connections  who      requests/s  median ms    p99 ms")
        for connections in CONNECTIONS:
            seen: dict[str, list[tuple[float, float, float]]] = {who: [] for who in urls}
            for number in range(ROUNDS):
                for who in sorted(urls, reverse=bool(number % 2)):
                    seen[who].append(load(urls[who], body, folder / "load.lua", connections))
            medians = {who: [statistics.median(one) for one in zip(*of, strict=True)] for who, of in seen.items()}
            for who, (rate, median, p99) in medians.items():
                print(f"{connections:>11}  {who:<7}  {rate:>10,.0f}  {median:>9.2f}  {p99:>8.2f}")
            times = medians["specc"][0] / medians["handler"][0], medians["handler"][2] / medians["specc"][2]
            print(f"{'':>11}  {times[0]:.1f} times the requests, p99 {times[1]:.1f} times shorter", flush=True)


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(sys.argv[1]), None, Path(folder), 8601)
        compare(Path(sys.argv[2]), Path(sys.argv[3]), Path(folder), 8603)


if __name__ == "__main__":
    main()
