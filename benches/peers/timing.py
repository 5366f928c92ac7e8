"""The timing and output of the Python peers."""
import argparse
import json
import resource
import time

# Process start as far as Python can tell: imports are part of what a user waits for.
STARTED = time.perf_counter()


def arguments(settings):
    """--phase, --batch, --seconds of one sample, --samples; and --setting, one of `settings`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--setting", choices=settings, default=settings[0])
    parser.add_argument("--phase", choices=["train", "evaluate"], required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=5)
    return parser.parse_args()


def rate(steps, batch, seconds):
    """Images per second of `steps`, called with a number of steps, over about `seconds`; warms up first."""
    count = 1
    while True:
        start = time.perf_counter()
        steps(count)
        took = time.perf_counter() - start
        if took >= seconds / 2:
            break
        count *= 2
    count = max(1, round(count * seconds / took))
    start = time.perf_counter()
    steps(count)
    return count, count * batch / (time.perf_counter() - start)


def measure(peer, args, steps, **more):
    """Warms up, takes the samples, prints the JSON line."""
    steps(1)
    first = time.perf_counter() - STARTED
    # Two rounds to warm up: libraries tune themselves, and the second finds the count of a warm step.
    rate(steps, args.batch, args.seconds)
    count, _ = rate(steps, args.batch, args.seconds)
    samples = []
    for _ in range(args.samples):
        start = time.perf_counter()
        steps(count)
        samples.append(count * args.batch / (time.perf_counter() - start))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"peer": peer, "phase": args.phase, "batch": args.batch, "samples_per_s": samples,
                      "first_step_s": first, "peak_memory_bytes": memory, **more}))
