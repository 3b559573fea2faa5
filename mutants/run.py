#!/usr/bin/env python3
"""Mutation testing: changes one operator or function body at a time, and asks whether any test notices.

    mutants/run.py                              all groups, all passes
    mutants/run.py --group audit --shard 0/4    a quarter of one group, for one of four machines
    mutants/run.py --again                      asks about survivors and timeouts once more, when tests have changed
    mutants/run.py --report                     what has come out so far, and every survivor

Every mutant of the files of a group is tried; of the groups that are sampled, a seeded sample of all. The first two passes build without
optimization and ask the tests that are fast then, the last builds with as much as `cargo test` does; each asks only about what survived
before. A mutant is caught if a test fails on it. One on which tests took longer than the plan's limit is noticed too if it loops for ever, which
somebody has to read: such are listed. What is done is kept under target/mutation/, in a directory of that version of src/: an
interrupted run is taken up by the same command. It changes clones of the last commit, never this tree. Wants
`cargo install cargo-mutants --version 27.1.0 --locked`.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLAN = tomllib.loads((ROOT / "mutants/plan.toml").read_text())
PASSES = list(PLAN["pass"])
KINDS = ["caught", "unviable", "timeout", "missed"]


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


STATE = ROOT / "target/mutation" / output("git", "rev-parse", "HEAD:src").strip()


def selection():
    """Every group's mutants by name: all of its files, or what falls to it of one sample of all sampled groups, drawn with the plan's seed."""
    groups = {name: set() for name in PLAN["group"]}
    for mutant in json.loads(output("cargo", "mutants", "--list", "--json")):
        owners = (name for name, group in PLAN["group"].items() if mutant["file"].startswith(tuple(group["files"])))
        groups[next(owners)].add(mutant["name"])
    sampled = sorted(name for group in PLAN["group"] if "sampled" in PLAN["group"][group] for name in groups[group])
    drawn = set(random.Random(PLAN["seed"]).sample(sampled, PLAN["sample"]))
    return {name: sorted(names & drawn if "sampled" in PLAN["group"][name] else names) for name, names in groups.items()}


def outcomes(group, names):
    """What came out for each mutant in which pass, by its last answer: `caught`, `timeout`, `unviable` or `missed`."""
    found = {name: {} for name in names}
    for file in sorted((STATE / group).glob("*/mutants.out/*.txt"), key=lambda file: file.stat().st_mtime):
        kind, run = file.stem, file.parent.parent.name.split("-")[0]
        for name in file.read_text().splitlines():
            if name in found and kind in KINDS and found[name].get(run) != "caught":
                found[name][run] = kind
    return found


def verdict(passes):
    """The best answer of any pass: a mutant that one pass caught is caught."""
    return min(passes.values(), key=KINDS.index, default="to do")


def remaining(found, run, again):
    """Whom a pass has still to ask about: all that survived every pass so far, but those of its own unless they are asked again."""
    asked = ["to do", "missed", *(["timeout"] if again else [])]
    return [name for name, passes in found.items() if (again or run not in passes) and verdict(passes) in asked]


def clone(worker):
    """A clone of the last commit, for one worker; what it has built before stays."""
    tree = STATE.parent / f"tree-{worker}"
    if not tree.exists():
        subprocess.run(["git", "clone", "--quiet", ROOT, tree], check=True)
    subprocess.run(["git", "fetch", "--quiet", ROOT, "HEAD"], cwd=tree, check=True)
    subprocess.run(["git", "reset", "--quiet", "--hard", "FETCH_HEAD"], cwd=tree, check=True)
    return tree


def pattern(name):
    """A regular expression for that name alone, as Rust reads it, where a backslash before `<` is a word's beginning."""
    return re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", name)


def work(group, run, worker, names):
    """One worker's part of a pass, in its own clone."""
    if not names or run not in PLAN["group"][group]:
        return
    tree = clone(worker)
    (STATE / group).mkdir(parents=True, exist_ok=True)
    state = pathlib.Path(tempfile.mkdtemp(prefix=f"{run}-{worker}-", dir=STATE / group))
    files = sorted({name.split(":")[0] for name in names})
    (state / "mutants.toml").write_text(f"examine_globs = {json.dumps(files)}\nexamine_re = {json.dumps([f'^{pattern(name)}$' for name in names])}\n")
    settings = PLAN["pass"][run]
    command = ["cargo", "mutants", "--in-place", "--config", state / "mutants.toml", "--output", state, "--baseline", "skip"]
    command += ["--timeout", str(settings["timeout"]), "--build-timeout", "900", "--colors", "never", "--profile", "mutants"]
    for suite in PLAN["group"][group][run]:
        command += ["--cargo-arg=--lib"] if suite == "lib" else ["--cargo-arg=--test", f"--cargo-arg={suite}"]
    tests = PLAN["group"][group].get("only", {}).get(run, []) + [argument for name in ([] if settings["slow"] else PLAN["slow"]) for argument in ("--skip", name)]
    limit = f'ulimit -v {PLAN["memory_kib"]} && exec "$@"'
    environment = os.environ | {"CARGO_PROFILE_MUTANTS_OPT_LEVEL": str(settings["opt_level"])}
    subprocess.run(["bash", "-c", limit, "mutants", *command, "--", "--", *tests], cwd=tree, env=environment)


def report(groups):
    for group, names in groups.items():
        found = outcomes(group, names)
        counts = collections.Counter(map(verdict, found.values()))
        viable = counts["caught"] + counts["timeout"] + counts["missed"]
        share = f"{100 * (viable - counts['missed']) / viable:.1f} % of {viable} noticed" if viable else ""
        print(f"{group}: {dict(counts)} {share}")
        for name, passes in found.items():
            if verdict(passes) in ["timeout", "missed"]:
                print(f"  {name} ({', '.join(f'{run} {passes[run]}' for run in PASSES if run in passes)})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=PLAN["group"], action="append", help="only this one")
    parser.add_argument("--pass", choices=PASSES, dest="one", help="only this one")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard", default="0/1", help="K/N: this machine's part, from 0")
    parser.add_argument("--again", action="store_true", help="ask about survivors and timeouts once more: tests have changed")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    shard, shards = map(int, arguments.shard.split("/"))
    groups = {name: names[shard::shards] for name, names in selection().items() if name in (arguments.group or PLAN["group"])}
    for run in [] if arguments.report else [arguments.one] if arguments.one else PASSES:
        for group, names in groups.items():
            names = remaining(outcomes(group, names), run, arguments.again)
            with concurrent.futures.ThreadPoolExecutor(arguments.workers) as pool:
                list(pool.map(lambda worker: work(group, run, worker, names[worker :: arguments.workers]), range(arguments.workers)))
    report(groups)


if __name__ == "__main__":
    main()
