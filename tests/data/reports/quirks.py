# SPDX-License-Identifier: GPL-2.0-or-later
"""Habits of single reporters, for make.py.

The numbers are those of the table of habits in docs/TESTING.md, which names the
sample of each; what it has in common with others is in make.py.
"""

import base64
import json

import samples
from samples import Report, mail, multipart, part


def documents(folder):
    def plain(name, quirk, expect="accept", change=None, **parts):
        r = Report(name, **parts)
        text = change(r.xml()) if change else r.xml()
        folder.add(name + ".xml", text.encode(), expect, quirk, r)

    def swap(old, new):
        return lambda text: text.replace(old, new, 1)

    plain("address-in-brackets", "quirk 21: raw < and > in email", "partial",
          swap("<email>dmarc@reporter.example<", "<email>Reporter <dmarc@reporter.example><"))
    plain("broken-end-tag", "quirk 23: the < of an end tag is missing", "partial",
          swap("</report_id>", "/report_id>"))
    plain("languages", "quirks 25, 29: attributes on texts", change=lambda text: text
          .replace("<org_name>", '<org_name xml:lang="en">')
          .replace("<email>", '<email type="rua" lang="en">')
          .replace("<report_id>", '<report_id lang="en">'))
    plain("utf-16-declared", "quirk 26: UTF-8 that says it is UTF-16",
          change=swap('"UTF-8"', '"UTF-16"'))
    plain("no-org", "quirk 27: an empty org_name", org="")
    plain("null-org", "quirk 27: org_name is nil", org="",
          change=swap("<org_name></org_name>", '<org_name xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'))
    plain("org-host", "quirk 28: org_name is a host name", org="mx7.Reporter.example")
    plain("odd-id", "quirk 30: a report_id like a Message-ID",
          id="<1700006400!example.org 7@reporter.example>")
    plain("empty-policy", "quirk 34: empty policy fields, a list in fo",
          policy="  <domain>example.org</domain><adkim/><aspf></aspf><p/><sp/><pct></pct><fo>0:1:d:s</fo>\n")
    plain("errors", "quirk 35: errors, one after the other",
          change=swap(" </report_metadata>", "  <error>one</error><error>two</error><error/>\n </report_metadata>"))
    plain("odd-policy", "quirk 36: policy fields that are none", "accept",
          policy="  <domain>example.org</domain><adkim>relaxed</adkim><aspf>{r}</aspf>"
          "<p>p=none; sp=none</p><sp>monitor</sp><pct>100%</pct><fo>-</fo>\n")
    plain("two-policies", "quirk 33: policy_published twice",
          change=swap(" <record>", " <policy_published><domain>other.example</domain>"
                      "<p>reject</p></policy_published>\n <record>"))
    plain("header-from-case", "quirk 40: one header_from in several cases",
          header_from="EXAMPLE.Org")
    plain("other-scopes", "quirks 45, 46, 47: words and scopes of SPF",
          results="<spf><scope>helo</scope><result>unknown</result></spf><spf>"
          "<domain>m.example.org</domain><scope/><result>error</result></spf><spf>"
          "<domain>m.example.org</domain><scope>both</scope><result>hardfail</result></spf>")
    plain("dkim-gaps", "quirks 49, 50, 56: DKIM results with gaps",
          results="<dkim/><dkim><domain>example.org</domain></dkim><dkim><domain>example.org"
          "</domain><selector>none</selector><result>policy</result></dkim><dkim><domain>"
          "example.org</domain><result>neutral</result></dkim><spf><domain>example.org"
          "</domain><result>permerror</result></spf>")
    plain("old-reasons", "quirk 51: reasons that RFC 9990 does not know any more",
          reason="<reason><type>forwarded</type><comment/></reason><reason><type>sampled_out"
          "</type></reason><reason/>")
    plain("script", "quirk 57: HTML and SQL in texts",
          org="<script>alert(1)</script>'; DROP TABLE report; -- \u202e",
          header_from="&lt;img/src=x&gt;.example.org",
          reason="<reason><type>other</type><comment>\"&gt;&lt;b&gt;%s%n ${x}</comment></reason>",
          id="1' OR '1'='1")
    plain("several-days", "quirk 32: three days in one report", end=samples.BEGIN + 3 * 86400)
    before = Report("negative-time", begin="-1")
    folder.add("negative-time.xml", before.bytes(), "reject", "quirk 32: begin is -1")
    rows = [("10.%d.%d.%d" % (i * 7 % 251, i // 251 % 251, i % 251), i % 9 + 1, "none", "fail", "fail")
            for i in range(20000)]
    many = Report("rows-20000", rows=rows, results="")
    folder.add("rows-20000.xml.gz", samples.gz(many.bytes()), "accept", "quirk 55: 20,000 rows", many)
    folder.add("same-period.xml", Report("x", id="records", end=samples.BEGIN + 3600).bytes(),
               "accept", "quirk 31: an id used again", Report("x", id="records", end=samples.BEGIN + 3600))


def outlook_message():
    """The head of a compound file, as Outlook saves a mail, and its text."""
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + bytes.fromhex("3e000300feff0900")
    return head.ljust(512, b"\0") + "__substg1.0_37010102".encode("utf-16-le").ljust(512, b"\0")


def archives(folder):
    r = Report("archive")
    x = r.bytes()
    folder.add("brackets.zip", samples.zipped(("[Reporter] {a*?}.xml", x)), "accept", "quirk 17: brackets in a name", r)
    other = json.dumps({"a": [1, 2]}).encode()
    mixed = samples.zipped(("in/", b""), ("in/deep/", b""), ("in/other.json", other), ("in/deep/a.xml", x), ("in/b.txt", b"text"))
    folder.add("directories.zip", mixed, "accept", "quirk 12: directories, JSON and XML", r)
    both = samples.zipped(("tls.json", json.dumps(TLS).encode()), ("dmarc.xml", x))
    folder.add("both-kinds.zip", both, "accept", "quirk 12: a TLS report and an aggregate report", r)
    folder.add("both-kinds.zip", both, "accept", "quirk 12: a TLS report and an aggregate report",
               kind="tlsrpt-json", detail=samples.tls_detail(TLS))
    folder.add("outlook.msg", outlook_message(), "reject", "quirk 11: a mail as Outlook saves it",
               detail={"reason": "Outlook's .msg"})


def mails(folder):
    r = Report("mail")
    x = r.bytes()
    packed = samples.gz(x)

    def add(name, body, quirk, *reports, expect="accept", **more):
        folder.add(name, mail(body, **more), expect, quirk, *(reports or (r,)))

    encoded = base64.encodebytes(packed)
    split = (
        b"Content-Type: application/octet-stream;\n name*0=\"reporter.example!example.org!\";\n"
        b" name*1=\"1700006400!1700092799.xml.gz\"\nContent-Transfer-Encoding: base64\n\n"
    )
    add("split-name.eml", split + encoded, "quirks 2, 3: octet-stream, its name in pieces")
    labels = ("application/x-zip-compressed", "application/zip-compressed", "application/x-zip", "application/x-gzip", "text/xml", "application/gzip; charset=x")
    reports, parts = [], []
    for i, label in enumerate(labels):
        report = Report("label-%d" % i)
        data = samples.zipped(("a.xml", report.bytes())) if "zip" in label else report.bytes()
        reports.append(report)
        parts.append(part(data, label))
    add("labels.eml", multipart(*parts, ctype="multipart/alternative"), "quirks 5, 7: six labels in an alternative", *reports)
    body = multipart(samples.TEXT, part(packed, "application/gzip", "r.xml.gz"))
    add("no-hyphen.eml", body.replace(b"Content-Type:", b"ContentType:", 1), "quirk 9: ContentType without its hyphen")
    add("brackets.eml", multipart(part(packed, "application/gzip", "[Reporter] r!example.org!1!2.xml.gz")), "quirk 17: brackets in a file name")
    add("fifth-part.eml", multipart(part(packed, "application/gzip", "r!1700006400!1700092799!unique!7.gz")), "quirk 18: a name with other parts")
    reply = multipart(samples.TEXT, part(b"Thank you for your report.\n", "text/plain", "eml", None))
    folder.add("auto-reply.eml", mail(reply, "Automatic reply: Report domain: example.org"), "not-a-report", "quirk 15: an auto-reply with a file called eml")
    subject = "=?iso-2022-jp?B?GyRCSnM5cBsoQg==?= Report-ID:\n <1700006400.7@reporter.example>"
    add("folded-subject.eml", body, "quirk 16: a folded Subject", subject=subject)
    junk = b"\n".join(line + b" !\0" for line in base64.encodebytes(json.dumps(TLS).encode()).split())
    head = b"Content-Type: application/tlsrpt+json\nContent-Transfer-Encoding: base64\n\n"
    folder.add("tls-junk.eml", mail(multipart(samples.TEXT, head + junk)), "accept", "quirk 62: junk in base64", kind="tlsrpt-eml", detail=samples.tls_detail(TLS))
    dated = samples.FEEDBACK.replace(b"Wed, 15 Nov 2023 12:00:00 +0100 (CET)", b"Wed Nov 15 2023 12:00:00")
    whole = b"Content-Type: message/rfc822\n\n" + samples.RETURNED + b"\nthe body\n"
    folder.add("failure-date.eml", samples.failure_mail(dated, whole), "accept", "quirk 61: a date in another form", kind="failure-eml", detail=dict(samples.FAILURE, _arrival=1700049600))


TLS = samples.tls([samples.tls_policy(3, 1, ("validation-failure", 1), **{"sending-mta-ip": None})])
