#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Variants of each class of hostile report, through `edmarc parse`.

usage: hostile.py EDMARC SAMPLES [--seed N] [--variants N] [--only CLASS]
       hostile.py EDMARC SAMPLES --peaks [FILE...]

SAMPLES is tests/data/reports. The variants are made from the seed, the same ones
each time. Whatever one is, edmarc ends within MAX_SECONDS with status 0 or 65, in
MAX_MEMORY, with objects that are JSON, and its parser does not die: a limit has
stopped it. Some say in addition what must come out.

--peaks makes the largest inputs (and takes FILEs) and prints how much memory the
parser and its parent had at most (VmHWM), and the time.
"""

import argparse
import base64
import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

MAX_SECONDS = 20
MAX_MEMORY = 700 * 1024  # KiB
STORED = ("ok", "partial")
GOOD, NOTHING, ANY = "a report", "nothing", "anything"


class Made:
    """The bytes of a variant, and what must come out of them."""

    def __init__(self, data, expect=ANY):
        self.data = data
        self.expect = expect


# --------------------------------------------------------------------- classes


def nested(r, s):
    """Archives inside each other, of any kind and depth; three are read."""
    data = s.Report("nested").bytes()
    depth = r.choice((1, 2, 3, 3, 4, 5, 10, 45))
    for _ in range(depth):
        kind = r.randrange(3)
        if kind == 0:
            data = s.gz(data)
        elif kind == 1:
            data = s.zipped(("a", data))
        else:
            data = zlib.compress(data)
    return Made(data, GOOD if depth <= 3 else NOTHING)


def bombs(r, s):
    """Much white space out of few octets; sizes, kinds and places differ."""
    x = s.Report("bomb").bytes()
    size = r.choice((8, 16, 33, 64)) << 20
    at = x.index(r.choice((b"<version>", b"<record>", b"</feedback>", b"<email>")))
    plain = x[:at] + b" " * size + x[at:]
    kind = r.randrange(4)
    if kind == 0:
        return Made(s.gz(plain), NOTHING)
    if kind == 1:
        return Made(s.zipped(("a.xml", plain)), NOTHING)
    if kind == 2:
        return Made(zlib.compress(plain), NOTHING)
    # Octets that do not shrink, so that the ratio is below the limit at first.
    noise = base64.b64encode(r.randbytes(r.randrange(1, 200000)))
    return Made(s.gz(b"<!--" + noise + b"-->" + plain), ANY)


def zip_of(entries, count=None, comment=b""):
    """A zip whose directory says (name, offset, packed, size, crc) as told."""
    out, directory = entries
    start = len(out)
    for name, offset, packed, size, crc in directory:
        out += struct.pack(
            "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, crc & 0xFFFFFFFF,
            packed & 0xFFFFFFFF, size & 0xFFFFFFFF, len(name), 0, 0, 0, 0, 0,
            offset & 0xFFFFFFFF) + name
    n = len(directory) if count is None else count
    return out + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, n & 0xFFFF, n & 0xFFFF,
                             len(out) - start, start, len(comment)) + comment


def directories(r, s):
    """Zip directories that lie: shared, overlapping, cut or wrong entries."""
    body = s.Report("zip").bytes() + b" " * r.choice((0, 1 << 20, 16 << 20))
    packed = zlib.compress(body)[2:-4]
    crc = zlib.crc32(body)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, crc, len(packed),
                        len(body), 5, 0) + b"a.xml" + packed
    directory = []
    for i in range(r.choice((1, 2, 199, 200, 201, 2000))):
        directory.append((
            b"%d.xml" % i,
            r.choice((0, 0, 0, r.randrange(len(local)), 0xFFFFFFFF)),
            r.choice((len(packed), len(packed), r.randrange(1 << 32))),
            r.choice((len(body), 0, 0xFFFFFFFE)),
            r.choice((crc, crc, r.randrange(1 << 32)))))
    data = zip_of((local, directory), r.choice((None, None, 0, 65535)))
    if r.random() < 0.3:
        data = data[: r.randrange(len(data))]
    return Made(data)


def doctypes(r, s):
    """A DOCTYPE in any form: whatever it declares, no report with one counts."""
    x = s.Report("doctype").xml("")
    value = "&a;" if r.random() < 0.5 else "R"
    entity = r.choice((
        '<!ENTITY a "b">', '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY a PUBLIC "x" "http://127.0.0.1:9/">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;',
        "".join('<!ENTITY %s "%s">' % (chr(97 + i), "&%s;" % chr(98 + i) * r.randrange(1, 50)) for i in range(12)),
        '<!ENTITY a "&a;">', '<!ATTLIST feedback x CDATA "%s">' % ("y" * r.randrange(60000)),
        '<!NOTATION n SYSTEM "x">', "<![INCLUDE[ ]]>", "<?pi?>", "<!-- -->", ""))
    outside = r.choice(("", ' SYSTEM "x.dtd"', ' PUBLIC "a" "http://127.0.0.1:9/"'))
    inside = " [%s]" % entity if entity or r.random() < 0.5 else ""
    if r.random() < 0.1:
        inside = inside[:-1]
    text = "<!DOCTYPE%sfeedback%s%s>" % (r.choice((" ", "\n", "\t  ")), outside, inside)
    text = r.choice(("", "<!-- c -->", "<?pi?>\n", " ")) + text + x.replace("Reporter doctype", value)
    charset = r.choice(("utf-8", "utf-16", "utf-16-be"))
    data = text.encode(charset)
    if charset == "utf-16-be":
        data = b"\xfe\xff" + data
    return Made(data, NOTHING)


def attributes(r, s):
    """Many or long attributes, namespaces, the same twice, on any element."""
    n = r.choice((1, 100, 1000, 5000, 30000))
    form = r.choice((' a%d="1"', ' xmlns:a%d="u"', ' a%d="' + "v" * r.choice((1, 50)) + '"', ' a="%d"'))
    text = "".join(form % i for i in range(n))
    name = r.choice(("feedback", "record", "source_ip", "report_id"))
    return Made(s.Report("attributes").xml().replace("<%s>" % name, "<%s%s>" % (name, text)).encode())


def depths(r, s):
    """Elements in elements, closed or not, anywhere."""
    n = r.choice((1, 50, 63, 64, 300, 5000, 50000))
    name = r.choice(("x", "row", "feedback", "record", "email", "y" * 50))
    text = "<%s>" % name * n + ("</%s>" % name * n if r.random() < 0.7 else "")
    at = r.choice(("<version>", "<org_name>", "<record>", "</auth_results>", "<feedback>"))
    return Made(s.Report("deep").xml().replace(at, text + at, 1).encode())


def long_things(r, s):
    """A name, text, comment, CDATA or instruction of up to some MiB."""
    n = r.choice((100, 4096, 4097, 65536, 65537, 1 << 20, 6 << 20))
    text = r.choice(("<%s/>", "<!--%s-->", "<![CDATA[%s]]>", "<?%s?>", "<?p %s?>", "<x>%s</x>", "&%s;", "%s", "</%s>")) % ("n" * n)
    at = r.choice(("</org_name>", "</email>", "</source_ip>", "</report_id>", "<record>"))
    return Made(s.Report("long").xml().replace(at, text + at, 1).encode())


def tags(r, s):
    """Tags lost, doubled, cut or moved; ends that do not match."""
    text = s.Report("tags").xml()
    for _ in range(r.choice((1, 1, 2, 5, 30))):
        spots = [i for i, c in enumerate(text) if c in "<>/&"]
        at = r.choice(spots)
        what = r.randrange(4)
        if what == 0:
            text = text[:at] + text[at + 1:]
        elif what == 1:
            text = text[:at] + text[at] + text[at:]
        elif what == 2:
            end = r.choice(spots)
            text = text[:min(at, end)] + text[max(at, end):] if abs(at - end) < 200 else text
        else:
            end = r.choice(spots)
            text = text[:end] + text[at:at + 40] + text[end:]
    return Made(text.encode())


def charsets(r, s):
    """A charset in the declaration, another in the octets, NULs and marks."""
    told = r.choice(("UTF-8", "UTF-16", "UTF-7", "EBCDIC-US", "IBM037", "UCS-4", "x" * 300, "", "iso-2022-jp", "utf-32"))
    real = r.choice(("utf-8", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "latin-1"))
    text = s.Report("charsets", org="R\xfc\xe9").xml('<?xml version="1.0" encoding="%s"?>' % told)
    data = bytearray(r.choice((b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0\0\xfe\xff")) + text.encode(real))
    for _ in range(r.choice((0, 0, 1, 50))):
        data[r.randrange(len(data))] = r.choice((0, 0xFF, 0xC0, 0xED, r.randrange(256)))
    return Made(bytes(data))


def values(r, s):
    """Words where numbers are asked, numbers that no type holds, %n and quotes."""
    odd = ("-1", "0", "9007199254740993", "99999999999999999999", "1e3", "0x10", " 7 ", "", "%n%s", "' OR 1=1 --", "\u202e", "<![CDATA[<b>]]>", "&#x0;", "&#0;", "A" * 5000, "::1", "1.2.3.4.5", "[192.0.2.1]")
    text = s.Report("values").xml()
    for name in r.sample(("count", "source_ip", "begin", "end", "domain", "disposition", "dkim", "spf", "header_from", "report_id", "pct", "result"), 3):
        at = text.index("<%s>" % name) + len(name) + 2
        end = text.index("<", at)
        text = text[:at] + r.choice(odd) + text[end:]
    return Made(text.encode())


def encodings(r, s):
    """Transfer encodings and types that say other things than the octets."""
    data = r.choice((s.Report("mail").bytes(), s.gz(s.Report("mail").bytes()), s.zipped(("a.xml", s.Report("mail").bytes())), b"", r.randbytes(3000)))
    body = r.choice((data, base64.encodebytes(data), base64.b64encode(data), base64.b32encode(data), b"begin 644 a\n" + data))
    told = r.choice(("base64", "quoted-printable", "7bit", "8bit", "binary", "x-uuencode", "BASE64 ", "base32", "x" * 5000, "=?utf-8?Q?base64?="))
    kind = r.choice(("application/zip", "text/xml; charset=utf-7", "message/rfc822", "multipart/mixed", "message/partial", "message/external-body", "application/gzip; name*=ibm930''%41", "x", "/", "text/plain; " + "a=b;" * 3000))
    head = "Content-Type: %s\nContent-Transfer-Encoding: %s\n\n" % (kind, told)
    part = head.encode() + body
    return Made(s.mail(s.multipart(part, part) if r.random() < 0.5 else part))


def parts(r, s):
    """Parts without end, in each other, with the same boundary or none."""
    inner = s.part(s.gz(s.Report("parts").bytes()), "application/gzip")
    kind = r.randrange(4)
    if kind == 0:
        n = r.choice((10, 998, 999, 5000))
        body = s.multipart(*[b"Content-Type: text/plain\n\n"] * n, inner)
        return Made(s.mail(body), GOOD if n <= 998 else NOTHING)
    if kind == 1:
        body, n = inner, r.choice((5, 30, 31, 300))
        for i in range(n):
            body = s.multipart(body, boundary=r.choice(("b%d" % i, "same")), close=r.random() < 0.8)
        return Made(s.mail(body))
    if kind == 2:
        body = inner
        for _ in range(r.choice((3, 30, 31, 1000))):
            body = b"Content-Type: message/rfc822\n\n" + s.mail(body)
        return Made(s.mail(body))
    n = r.choice((199, 200, 201, 400))
    body = s.multipart(*[s.part(s.gz(s.Report("p%d" % i).bytes()), "application/gzip") for i in range(n)])
    return Made(s.mail(body))


def headers(r, s):
    """Header fields without end, words, dates and folds by the thousand."""
    line = r.choice((b"Subject: =?utf-8?B?" + b"QUFB" * 20 + b"?=\n", b"Content-Type: text/plain\n", b"To: " + b"a@b," * 200 + b"\n", b"X:" + b"(" * 500 + b"\n", b" folded\n", b"Received: from a by b; x\n", b"Content-Disposition: attachment; filename*0*=''%41\n", b"nothing at all\n"))
    n = r.choice((1, 100, 5000, 50000))
    return Made(line.lstrip() * n + s.mail(s.multipart(s.part(s.gz(s.Report("headers").bytes()), "application/gzip"))))


def cuts(r, s):
    """A good file of any kind, cut or with octets changed."""
    x = s.Report("cut").bytes()
    data = bytearray(r.choice((x, s.gz(x), s.zipped(("a.xml", x)), s.tarred(("a.xml", x)), s.mail(s.part(s.gz(x), "application/gzip")), s.failure_mail(s.FEEDBACK, b"Content-Type: message/rfc822\n\n" + s.RETURNED))))
    for _ in range(r.choice((0, 1, 3, 20))):
        data[r.randrange(len(data))] = r.randrange(256)
    return Made(bytes(data[: r.randrange(1, len(data) + 1)]))


def jsons(r, s):
    """TLS reports that are too deep, too long, cut, or of other types."""
    policies, failures = r.choice(((1, 0), (2, 1), (1000, 1), (1001, 0), (2, 5000), (2, 5001)))
    report = s.tls([s.tls_policy(1, 0, *[("x", 1)] * failures)] * policies)
    for key in r.sample(sorted(report), 2):
        report[key] = r.choice((None, 1, -1, 1e308, "x" * 5000, [], {}, [[[[]]]], "\0", "\ud800", True, [None] * 3000))
    text = json.dumps(report).encode()
    text = r.choice((text, text[: r.randrange(len(text))], b'{"policies":' + b"[" * r.choice((15, 16, 100000)), text.replace(b"1", b"1" * 50, 100), text.replace(b"}", b"}/**/", 1)))
    return Made(r.choice((text, s.gz(text))))


def feedbacks(r, s):
    """Failure reports with fields without end, or of the wrong kind."""
    fields = [r.choice((b"Source-IP: x\n", b"Reported-Domain: " + b"a." * 2000 + b"\n", b"Auth-Failure: \0\x1b[2J\n", b"Arrival-Date: " + b"1 " * 60 + b"\n", b"Incidents: 99999999999999999999\n", b"no field\n", b" fold\n", s.FEEDBACK)) * r.choice((1, 10, 3000)) for _ in range(3)]
    whole = b"Content-Type: message/rfc822\n\n" + s.RETURNED * r.choice((1, 2000)) + b"\nthe body\n"
    return Made(s.failure_mail(b"".join(fields), whole))


CLASSES = (nested, bombs, directories, doctypes, attributes, depths, long_things, tags, charsets,
           values, encodings, parts, headers, cuts, jsons, feedbacks)

# ----------------------------------------------------------------------- runs


def faults_of(edmarc, made, path):
    start = time.monotonic()
    try:
        run = subprocess.run([edmarc, "parse", "--format", "json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10 * MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ["no end after %d s" % (10 * MAX_SECONDS)]
    faults = []
    if time.monotonic() - start > MAX_SECONDS:
        faults.append("took %.0f s" % (time.monotonic() - start))
    if run.returncode not in (0, 65):
        faults.append("exit status %d" % run.returncode)
    if run.stderr:
        faults.append("said %r" % run.stderr[:200])
    objects = [json.loads(line) for line in run.stdout.splitlines()]
    stored = [o for o in objects if o["status"] in STORED]
    if not objects:
        faults.append("printed nothing")
    for o in objects:
        if o["status"] not in STORED and not o["reason"]:
            faults.append("no reason")
        if "parser" in (o["reason"] or ""):
            faults.append(o["reason"])
    if made.expect == GOOD and len(stored) != 1 or made.expect == NOTHING and stored:
        faults.append("%d reports, not %s: %s" % (len(stored), made.expect, [o["reason"] for o in objects][:2]))
    return faults


def run_classes(args, samples):
    bad = total = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "variant")
        for make in CLASSES:
            if args.only and make.__name__ != args.only:
                continue
            start = time.monotonic()
            for i in range(args.variants):
                made = make(random.Random("%s %d %d" % (make.__name__, args.seed, i)), samples)
                with open(path, "wb") as f:
                    f.write(made.data)
                total += 1
                faults = faults_of(args.edmarc, made, path)
                if faults:
                    bad += 1
                    print("%s, variant %d: %s" % (make.__name__, i, "; ".join(faults)))
            print("%s: %d variants, %.0f s" % (make.__name__, args.variants, time.monotonic() - start))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if memory > MAX_MEMORY:
        bad += 1
        print("memory: over %d MiB" % (MAX_MEMORY >> 10))
    print("%d variants, %d bad, at most %d MiB" % (total, bad, memory >> 10))
    return 1 if bad or not total else 0


# ----------------------------------------------------------------------- peaks


def peak_of(pid):
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def children_of(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def measure(edmarc, path):
    """What came out, and the peaks in KiB of the parent and of its children."""
    start = time.monotonic()
    run = subprocess.Popen([edmarc, "parse", "--format", "json", path], stdout=subprocess.PIPE)
    peaks = [0, 0]

    def watch():
        while run.poll() is None:
            peaks[0] = max(peaks[0], peak_of(run.pid))
            for child in children_of(run.pid):
                peaks[1] = max(peaks[1], peak_of(child))
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    output = run.stdout.read()
    run.wait()
    thread.join()
    objects = [json.loads(line) for line in output.splitlines()]
    return objects, peaks, time.monotonic() - start


def million(s, folder):
    """A report of 1,000,000 rows, no two alike."""
    path = os.path.join(folder, "1,000,000 rows, gzip")
    report = s.Report("million")
    before, after = report.xml().split(" <record>", 1)[0], "</feedback>\n"
    pack = zlib.compressobj(6, zlib.DEFLATED, 31)
    with open(path, "wb") as f:
        f.write(pack.compress(before.encode()))
        for i in range(0, 1000000, 1000):
            rows = [report.record(("2001:db8::%x:%x" % (j >> 16, j & 0xFFFF), j % 97 + 1, "none", "pass", "fail")) for j in range(i, i + 1000)]
            f.write(pack.compress("".join(rows).encode()))
        f.write(pack.compress(after.encode()))
        f.write(pack.flush())
    return path


def fifty(s, folder):
    """50 MB of XML as it is, and 40 MB as an attachment: a mail may have 60 MiB."""
    report = s.Report("fifty")
    row = report.record(("192.0.2.1", 1, "none", "pass", "fail"))
    report.rows = [("192.0.2.1", 1, "none", "pass", "fail")] * (50000000 // len(row))
    files = {"50 MB of XML": report.bytes()}
    report.rows = report.rows[: len(report.rows) * 4 // 5]
    files["40 MB of XML, in base64"] = s.mail(s.part(report.bytes(), "text/xml"))
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
    return [os.path.join(folder, name) for name in files]


def large_bombs(s, folder):
    x = s.Report("bomb").bytes()
    at = x.index(b"<record>")
    head = zlib.compressobj(9, zlib.DEFLATED, 31)
    out = head.compress(x[:at])
    for _ in range(1024):
        out += head.compress(b" " * (1 << 20))
    path = os.path.join(folder, "1 GiB of blanks, gzip")
    with open(path, "wb") as f:
        f.write(out + head.compress(x[at:]) + head.flush())
    return [path]


def run_peaks(args, samples):
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "a small report")
        with open(small, "wb") as f:
            f.write(samples.Report("small").bytes())
        paths = [small, million(samples, folder)] + fifty(samples, folder)
        paths += large_bombs(samples, folder) + args.peaks
        print("| input | octets | rows | status | parser | parent | time |")
        print("|---|---|---|---|---|---|---|")
        for path in paths:
            objects, peaks, seconds = measure(args.edmarc, path)
            print("| %s | %d | %d | %s | %.0f MiB | %.0f MiB | %.2f s |" % (
                os.path.basename(path), os.path.getsize(path), sum(o["rows"] for o in objects),
                objects[0]["reason"] or objects[0]["status"] if objects else "nothing",
                peaks[1] / 1024, peaks[0] / 1024, seconds))
    return 0


def main():
    words = argparse.ArgumentParser()
    words.add_argument("edmarc")
    words.add_argument("samples")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--variants", type=int, default=10)
    words.add_argument("--only")
    words.add_argument("--peaks", nargs="*", metavar="FILE")
    args = words.parse_args()
    sys.dont_write_bytecode = True
    sys.path.insert(0, args.samples)
    import samples

    return run_classes(args, samples) if args.peaks is None else run_peaks(args, samples)


if __name__ == "__main__":
    sys.exit(main())
