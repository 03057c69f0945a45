"""Fails if a crate that the workspace depends on has a licence that deny.toml does not allow.

The same list that cargo-deny reads, for machines where that is not installed.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def allowed(expression, allow):
    """Whether an SPDX expression can be met by allowed licences alone."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either(at):
        met, at = both(at)
        while at < len(tokens) and tokens[at] == "OR":
            other, at = both(at + 1)
            met = met or other
        return met, at

    def both(at):
        met, at = one(at)
        while at < len(tokens) and tokens[at] == "AND":
            other, at = one(at + 1)
            met = met and other
        return met, at

    def one(at):
        if tokens[at] == "(":
            met, at = either(at + 1)
            return met, at + 1
        name = tokens[at]
        if tokens[at + 1 : at + 2] == ["WITH"]:
            return name in allow or f"{name} WITH {tokens[at + 2]}" in allow, at + 3
        return name in allow, at + 1

    return either(0)[0]


def main():
    allow = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    packages = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    refused = [
        f"{p['name']} {p['version']}: {p['license'] or 'no licence is named'}"
        for p in packages
        if not p["license"] or not allowed(p["license"], allow)
    ]
    print("\n".join(refused) or f"{len(packages)} crates, all under permissive licences")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
