#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does `edmarc parse` give the numbers of a manifest?

usage: reports.py EDMARC FOLDER [--known FILE]

FOLDER holds manifest.tsv with one line for each report: path, its number in the
file (0: there is none), what to expect, and the numbers. FILE lists, one path in
each line with a reason behind a tab, what is known to differ; a line there that
is not needed any more is an error too, so the list cannot rot.
"""

import csv
import datetime
import json
import os
import resource
import subprocess
import sys
import time

# One file is read in seconds and the parser's own limit of memory; more than
# this means that the limits do not hold.
MAX_SECONDS = 30
MAX_MEMORY = 700 * 1024  # KiB, of the largest process so far

STORED = ("ok", "partial")
NUMBERS = {
    "records": "rows",
    "count": "messages",
    "dkim_pass": "dkim_aligned",
    "spf_pass": "spf_aligned",
    "compliant": "compliant",
}
TEXTS = ("org_name", "report_id", "begin", "end", "policy_domain")


def parse(edmarc, path):
    """All objects that edmarc prints for the file, and complaints."""
    start = time.monotonic()
    run = subprocess.run(
        [edmarc, "parse", "--format", "json", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=10 * MAX_SECONDS,
        check=False,
    )
    seconds = time.monotonic() - start
    faults = []
    if seconds > MAX_SECONDS:
        faults.append("took %.0f s" % seconds)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if memory > MAX_MEMORY:
        faults.append("took %d MiB" % (memory // 1024))
    if run.stderr:
        faults.append("said %r" % run.stderr[:200])
    objects = [json.loads(line) for line in run.stdout.splitlines()]
    if not objects:
        faults.append("printed nothing")
    rejected = any(o["status"] == "rejected" for o in objects)
    if run.returncode != (65 if rejected else 0):
        faults.append("exit status %d" % run.returncode)
    return objects, faults


def domain(text):
    return text.lower().rstrip(".")


def differences(want, got, exact_name):
    """What the manifest says and the object does not."""
    out = []
    for theirs, ours in NUMBERS.items():
        if want[theirs] and int(want[theirs]) != got[ours]:
            out.append("%s: want %s, got %s" % (theirs, want[theirs], got[ours]))
    disposition = got["disposition"]
    for word in ("quarantine", "reject"):
        if int(want[word] or 0) != disposition[word]:
            out.append("%s: want %s, got %d" % (word, want[word], disposition[word]))
    # "other" there is pass, and what we take as none.
    none = int(want["none"] or 0) + int(want["other"] or 0)
    if none != disposition["none"] + disposition["pass"]:
        out.append("none: want %d, got %d" % (none, disposition["none"]))
    for key in TEXTS:
        have = "" if got[key] is None else str(got[key])
        expect = want[key]
        if key == "policy_domain":
            expect = domain(expect)
        if key == "org_name" and not exact_name:
            continue
        if expect != have:
            out.append("%s: want %r, got %r" % (key, expect, have[:80]))
    return out


FEEDBACK = {
    "feedback-type": "feedback_type",
    "auth-failure": "auth_failure",
    "source-ip": "source_ip",
    "reported-domain": "reported_domain",
    "original-mail-from": "mail_from",
    "original-rcpt-to": "rcpt_to",
    "delivery-result": "delivery_result",
    "identity-alignment": "identity_alignment",
    "authentication-results": "authentication_results",
    "dkim-domain": "dkim_domain",
    "user-agent": "user_agent",
    "_arrival": "arrival",
    "_incidents": "incidents",
    "_header-from": "header_from",
    "_message-id": "message_id",
    "_subject": "subject",
}


def failure_differences(want, got):
    out = []
    for theirs, ours in FEEDBACK.items():
        if theirs not in want:
            continue
        value, have = want[theirs], got[ours]
        if isinstance(value, list):
            value = value[0]
        if isinstance(value, str):
            value = " ".join(value.strip("<>" if "@" in value and theirs[0] != "_" else "").split())
        if value != have:
            out.append("%s: want %r, got %r" % (theirs, value, have))
    return out


def seconds(stamp):
    stamp = datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")
    return int(stamp.replace(tzinfo=datetime.timezone.utc).timestamp())


def tls_differences(want, got):
    policies = got["policies"]
    have = {
        "organization_name": got["org_name"],
        "report_id": got["report_id"],
        "contact_info": got["contact"],
        "start": got["begin"],
        "end": got["end"],
        "policies": len(policies),
        "policy_types": [p["policy_type"] for p in policies],
        "policy_domains": [p["policy_domain"] or None for p in policies],
        "total_successful": sum(p["successes"] for p in policies),
        "total_failure": sum(p["failures"] for p in policies),
        "failure_details": sum(len(p["details"]) for p in policies),
    }
    want = dict(want, start=seconds(want["start"]), end=seconds(want["end"]))
    return [
        "%s: want %r, got %r" % (key, value, have[key])
        for key, value in want.items()
        if value != have[key]
    ]


def unescape(text):
    out, i = "", 0
    codes = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\"}
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            out += codes.get(text[i + 1], text[i + 1])
            i += 2
        else:
            out += text[i]
            i += 1
    return out


def judge(lines, objects):
    """What is wrong with the objects of one file, as a list."""
    kinds = {line["kind"].split("-")[0].replace("tlsrpt", "tls") for line in lines}
    if len(kinds) == 1:
        return judge_kind(lines, objects)
    out = []
    for kind in sorted(kinds):
        out += judge_kind(
            [line for line in lines if line["kind"].replace("tlsrpt", "tls").startswith(kind)],
            [o for o in objects if o["kind"] == kind],
        )
    return out


def judge_kind(lines, objects):
    stored = [o for o in objects if o["status"] in STORED]
    expects = {line["expect"] for line in lines}
    kinds = {o["kind"] for o in objects}
    first = lines[0]
    kind = first["kind"].split("-")[0].replace("tlsrpt", "tls")
    if kind in ("failure", "tls"):
        if expects == {"no-arf-part"}:
            kind, expects = "aggregate", {"reject"}
        if kinds != {kind} or (not stored) != (expects == {"reject"}):
            return ["got %s: %s" % (kinds, [o["reason"] for o in objects])]
        if expects == {"reject"} or not first["detail"]:
            return []
        compare = failure_differences if kind == "failure" else tls_differences
        return compare(json.loads(first["detail"]), objects[0][kind])
    if expects <= {"reject", "safe", "not-a-report", "schema"}:
        if stored:
            return ["%d reports stored" % len(stored)]
        reason = json.loads(first["detail"] or "{}").get("reason", "")
        reasons = [o["reason"] for o in objects]
        return [] if any(reason in r for r in reasons) else ["reason: %s" % reasons]
    wanted = [line for line in lines if line["expect"] not in ("reject", "not-a-report")]
    if not stored and all(line["expect"] not in ("accept", "partial") for line in wanted):
        return []
    out = []
    if len(stored) != len(wanted):
        out.append(
            "%d reports, got %d: %s"
            % (len(wanted), len(stored), [o["reason"] for o in objects])
        )
    for want, got in zip(wanted, stored):
        out += differences(want, got, want["expect"] != "tolerant")
        if want["expect"] == "partial" and got["status"] != "partial":
            out.append("status is %s, not partial" % got["status"])
        if want["expect"] == "tolerant" and not got["warnings"]:
            out.append("nothing is said about the repair")
        if want["expect"] == "accept" and got["status"] != "ok":
            out.append("status is %s: %s" % (got["status"], got["warnings"]))
    return out


def read_manifest(folder):
    files = {}
    with open(os.path.join(folder, "manifest.tsv"), encoding="utf-8", newline="") as f:
        for line in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            line = {k: unescape(v or "") for k, v in line.items()}
            files.setdefault(line["path"], []).append(line)
    return files


def read_known(path):
    known = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, reason = line.rstrip("\n").split("\t", 1)
                known[name] = reason
    return known


def main(argv):
    edmarc, folder = argv[1], argv[2]
    known = read_known(argv[4]) if len(argv) == 5 and argv[3] == "--known" else {}
    files = read_manifest(folder)
    bad = 0
    for path, lines in files.items():
        objects, faults = parse(edmarc, os.path.join(folder, path))
        faults += judge(lines, objects)
        if faults and path in known:
            print("known: %s: %s" % (path, known[path]))
        elif faults:
            bad += 1
            print("%s (%s):\n\t%s" % (path, lines[0]["expect"], "\n\t".join(faults)))
        elif path in known:
            bad += 1
            print("%s: is in the list of what differs, but does not" % path)
    print("%d files, %d bad" % (len(files), bad))
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
