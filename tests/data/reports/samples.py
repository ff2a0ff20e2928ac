# SPDX-License-Identifier: GPL-2.0-or-later
"""What the samples of this folder are made of: reports, archives, mails."""

import base64
import gzip
import io
import json
import os
import tarfile
import zipfile
from xml.sax.saxutils import escape

BEGIN, END = 1700006400, 1700092799
COLUMNS = (
    "path n kind expect org_name report_id begin end policy_domain records count "
    "none quarantine reject other dkim_pass spf_pass compliant quirk detail"
).split()


class Report:
    """A report as numbers and as XML."""

    def __init__(self, name, rows=None, **parts):
        self.name = name
        self.org = parts.get("org", "Reporter " + name)
        # (address, count, disposition, dkim, spf)
        self.rows = rows or [
            ("192.0.2.1", 5, "none", "pass", "fail"),
            ("198.51.100.7", 3, "quarantine", "fail", "fail"),
            ("2001:db8::25", 11, "none", "pass", "pass"),
            ("203.0.113.9", 2, "reject", "fail", "fail"),
        ]
        self.parts = parts

    def record(self, row):
        address, count, disposition, dkim, spf = row
        return (
            " <record>\n  <row><source_ip>%s</source_ip><count>%s</count>"
            "<policy_evaluated><disposition>%s</disposition><dkim>%s</dkim>"
            "<spf>%s</spf>%s</policy_evaluated></row>\n"
            "  <identifiers><header_from>%s</header_from></identifiers>\n"
            "  <auth_results>%s</auth_results>\n </record>\n"
            % (
                address,
                count,
                disposition,
                dkim,
                spf,
                self.parts.get("reason", ""),
                self.parts.get("header_from", "example.org"),
                self.parts.get(
                    "results",
                    "<dkim><domain>example.org</domain><selector>s</selector>"
                    "<result>pass</result></dkim><spf><domain>m.example.org"
                    "</domain><scope>mfrom</scope><result>fail</result></spf>",
                ),
            )
        )

    def metadata(self):
        return (
            " <report_metadata>\n  <org_name>%s</org_name>\n"
            "  <email>dmarc@reporter.example</email>\n"
            "  <report_id>%s</report_id>\n"
            "  <date_range><begin>%s</begin><end>%s</end></date_range>\n"
            " </report_metadata>\n"
            % (
                escape(self.org),
                escape(self.parts.get("id", self.name)),
                self.parts.get("begin", BEGIN),
                self.parts.get("end", END),
            )
        )

    def policy(self):
        return " <policy_published>\n%s </policy_published>\n" % self.parts.get(
            "policy",
            "  <domain>example.org</domain><adkim>r</adkim><aspf>r</aspf>"
            "<p>none</p><sp>none</sp><pct>100</pct>\n",
        )

    def xml(self, declaration='<?xml version="1.0" encoding="UTF-8"?>\n'):
        start = self.parts.get("root", "feedback")
        return "%s<%s>\n <version>1.0</version>\n%s%s%s</%s>\n" % (
            declaration,
            start,
            self.metadata(),
            self.policy(),
            "".join(self.record(row) for row in self.rows),
            start.split()[0],
        )

    def bytes(self):
        return self.xml().encode()

    def time(self, name, usual):
        """What it is as a number; other ways to write the usual time mean it."""
        given = self.parts.get(name, usual)
        return given if isinstance(given, int) else usual

    def numbers(self):
        """The manifest's columns; rows without an address or count are out."""
        good = [r for r in self.rows if r[0] and str(r[1]).strip().isdigit()]

        def total(test):
            return sum(int(r[1]) for r in good if test(r))

        words = ("none", "quarantine", "reject")
        return {
            "org_name": self.org,
            "report_id": self.parts.get("id", self.name).strip(),
            "begin": self.time("begin", BEGIN),
            "end": self.time("end", END),
            "policy_domain": "example.org",
            "records": len(good),
            "count": total(lambda r: True),
            "none": total(lambda r: r[2].lower() == "none"),
            "quarantine": total(lambda r: r[2].lower() == "quarantine"),
            "reject": total(lambda r: r[2].lower() == "reject"),
            "other": total(lambda r: r[2].lower() not in words),
            "dkim_pass": total(lambda r: r[3].lower() == "pass"),
            "spf_pass": total(lambda r: r[4].lower() == "pass"),
            "compliant": total(
                lambda r: "pass" in (r[3].lower(), r[4].lower())
            ),
        }


class Folder:
    """Files and the lines of the manifest."""

    def __init__(self, path):
        self.path = path
        self.lines = []

    def add(self, name, data, expect, quirk, *reports, kind="aggregate", detail=None):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)
        for number, report in enumerate(reports or [None], 1):
            line = dict.fromkeys(COLUMNS, "")
            line.update(
                path=name,
                n=number if report else 0,
                kind=kind,
                expect=expect,
                quirk=quirk,
                detail=json.dumps(detail) if detail else "",
            )
            if report:
                line.update(report.numbers())
            self.lines.append(line)

    def write_manifest(self):
        with open(os.path.join(self.path, "manifest.tsv"), "w") as f:
            f.write("\t".join(COLUMNS) + "\n")
            for line in self.lines:
                f.write("\t".join(str(line[c]) for c in COLUMNS) + "\n")


# ------------------------------------------------------------------ containers


def gz(data):
    return gzip.compress(data, mtime=0)


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in members:
            info = zipfile.ZipInfo(name, (2023, 11, 16, 0, 0, 0))
            info.compress_type = method
            z.writestr(info, data)
    return out.getvalue()


def tarred(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def part(data, ctype, name=None, encoding="base64", extra=""):
    if encoding == "base64":
        data = base64.encodebytes(data)
    head = "Content-Type: %s" % ctype
    if name:
        head += '; name="%s"' % name
    if encoding:
        head += "\nContent-Transfer-Encoding: %s" % encoding
    if name:
        head += '\nContent-Disposition: attachment; filename="%s"' % name
    return (head + extra + "\n\n").encode() + data


def multipart(*parts, ctype="multipart/mixed", boundary="=_edge", close=True):
    out = b""
    for p in parts:
        out += b"--" + boundary.encode() + b"\n" + p + b"\n"
    if close:
        out += b"--" + boundary.encode() + b"--\n"
    head = 'Content-Type: %s; boundary="%s"\n\n' % (ctype, boundary)
    return head.encode() + out


def mail(body, subject="Report domain: example.org Submitter: reporter.example"):
    return (
        "From: Reporter <dmarc@reporter.example>\nTo: dmarc.rua@example.org\n"
        "Subject: %s\nDate: Thu, 16 Nov 2023 01:00:00 +0100\n"
        "Message-ID: <1@reporter.example>\nMIME-Version: 1.0\n" % subject
    ).encode() + body


TEXT = part(b"This is an aggregate report.\n", "text/plain", encoding=None)


# ------------------------------------------------------- failure and TLS reports


def tls(policies, **other):
    """A TLS report (RFC 8460) and what is in it."""
    report = {
        "organization-name": "Reporter",
        "date-range": {
            "start-datetime": "2023-11-15T00:00:00Z",
            "end-datetime": "2023-11-15T23:59:59Z",
        },
        "contact-info": "tls@reporter.example",
        "report-id": "1",
        "policies": policies,
    }
    for key, value in other.items():
        report[key.replace("_", "-")] = value
    return {k: v for k, v in report.items() if v != "-"}


def tls_policy(good, bad, *details, **policy):
    return {
        "policy": dict({"policy-type": "sts", "policy-domain": "example.org"}, **policy),
        "summary": {
            "total-successful-session-count": good,
            "total-failure-session-count": bad,
        },
        "failure-details": [
            {"result-type": kind, "failed-session-count": n} for kind, n in details
        ],
    }


def tls_detail(report):
    policies = report["policies"]
    return {
        "organization_name": report.get("organization-name"),
        "report_id": report["report-id"],
        "contact_info": report.get("contact-info"),
        "start": "2023-11-15T00:00:00Z",
        "end": "2023-11-15T23:59:59Z",
        "policies": len(policies),
        "policy_types": [p["policy"]["policy-type"] for p in policies],
        "policy_domains": [p["policy"].get("policy-domain") for p in policies],
        "total_successful": sum(
            int(p["summary"]["total-successful-session-count"]) for p in policies
        ),
        "total_failure": sum(
            int(p["summary"]["total-failure-session-count"]) for p in policies
        ),
        "failure_details": sum(len(p["failure-details"]) for p in policies),
    }


RETURNED = (
    b"Return-Path: <bounce@sender.example>\nFrom: Someone <boss@example.org>\n"
    b"To: you@reporter.example\nSubject: =?utf-8?Q?Gru=C3=9F?=\n  of today\n"
    b"Message-ID: <7@sender.example>\n"
)
FEEDBACK = (
    b"Feedback-Type: auth-failure\nUser-Agent: Tester/1.0\nVersion: 1\n"
    b"Original-Mail-From: <bounce@sender.example>\n"
    b"Original-Rcpt-To: <you@reporter.example>\n"
    b"Arrival-Date: Wed, 15 Nov 2023 12:00:00 +0100 (CET)\nSource-IP: 192.0.2.7\n"
    b"Authentication-Results: reporter.example;\n  dmarc=fail\n header.from=example.org\n"
    b"Reported-Domain: Example.ORG\nDelivery-Result: delivered\nAuth-Failure: dmarc\n"
    b"Identity-Alignment: none\nDKIM-Domain: example.org\n"
)
FAILURE = {
    "feedback-type": "auth-failure",
    "auth-failure": "dmarc",
    "source-ip": "192.0.2.7",
    "reported-domain": "example.org",
    "original-mail-from": "bounce@sender.example",
    "original-rcpt-to": "you@reporter.example",
    "delivery-result": "delivered",
    "identity-alignment": "none",
    "authentication-results": "reporter.example; dmarc=fail header.from=example.org",
    "dkim-domain": "example.org",
    "user-agent": "Tester/1.0",
    "_arrival": 1700046000,
    "_incidents": 1,
    "_header-from": "example.org",
    "_message-id": "<7@sender.example>",
    "_subject": "=?utf-8?Q?Gru=C3=9F?= of today",
}


def failure_mail(feedback, message, ctype="message/feedback-report", encoding=""):
    head = "Content-Type: %s\n%s\n" % (ctype, encoding)
    return mail(
        multipart(TEXT, head.encode() + feedback, message, ctype="multipart/report; report-type=feedback-report"),
        "FW: of today",
    )
