#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the sample reports of this folder and their manifest.

usage: make.py [FOLDER]

All names and addresses are made up. One file for each container and each habit
of reporters that edmarc has to cope with; manifest.tsv says what reading each
must give, and is computed here from the rows, not with edmarc. The same files
come out each time.
"""

import base64
import json
import os
import sys
import zipfile
import zlib

import quirks
from samples import (
    FAILURE,
    FEEDBACK,
    RETURNED,
    TEXT,
    Folder,
    Report,
    failure_mail,
    gz,
    mail,
    multipart,
    part,
    tarred,
    tls,
    tls_detail,
    tls_policy,
    zipped,
)


# ------------------------------------------------------------------------- XML


def documents(folder):
    def plain(name, quirk, expect="accept", **parts):
        r = Report(name, **parts)
        folder.add(name + ".xml", r.bytes(), expect, quirk, r)

    plain("rfc7489", "plain XML")
    plain(
        "rfc9990",
        "RFC 9990 with its namespace",
        root='feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"',
        rows=[("192.0.2.1", 4, "pass", "pass", "pass")],
        policy="  <domain>example.org</domain><discovery_method>treewalk"
        "</discovery_method><p>reject</p><np>reject</np><testing>n</testing>\n",
    )
    plain(
        "old-namespace",
        "RFC 7489's namespace",
        root='feedback xmlns="http://dmarc.org/dmarc-xml/0.1"',
    )
    plain(
        "mixture",
        "np and testing beside pct, no namespace",
        policy="  <domain>Example.ORG.</domain><p>none</p><np>none</np>"
        "<testing>y</testing><pct>50</pct>\n",
    )
    plain("fraction", "fractions of a second", begin="1700006400.0", end="1700092799.5")
    plain(
        "iso-time",
        "ISO 8601 in place of seconds",
        begin="2023-11-15T00:00:00Z",
        end="2023-11-16T00:59:59+01:00",
    )
    plain("padded", "white space around values", id="\n   padded  ")
    plain("ampersand-escaped", "an escaped ampersand", org="Reporter & Sons")
    plain(
        "capitals",
        "words in capitals",
        rows=[
            ("192.0.2.1", 1, "None", "PASS", "Fail"),
            ("192.0.2.2", 2, "QUARANTINE", "Fail", "Pass"),
            ("192.0.2.3", 4, "Reject", "FAIL", "FAIL"),
        ],
    )
    plain(
        "unknown-words",
        "words nobody knows",
        rows=[
            ("192.0.2.1", 1, "delete", "maybe", ""),
            ("192.0.2.2", 2, "", "pass", "fail"),
        ],
        reason="<reason><type/></reason><reason><type>weather</type></reason>",
        results="<dkim><domain>example.org</domain><result>odd</result></dkim>"
        "<spf><domain/><scope>x</scope><result>hardfail</result></spf>",
    )
    plain(
        "several-spf",
        "three SPF results in each row",
        results="<spf><domain>a.example</domain><result>pass</result></spf>" * 3,
    )
    plain("no-results", "empty auth_results", results="")
    plain("empty-from", "empty header_from", header_from="")
    plain(
        "addresses",
        "IPv4-mapped, capitals, zone",
        rows=[
            ("::ffff:192.0.2.1", 1, "none", "fail", "fail"),
            ("2001:DB8:0:0::A", 1, "none", "fail", "fail"),
            ("fe80::1%eth0", 1, "none", "fail", "fail"),
        ],
    )
    partial_documents(folder)
    encodings(folder)
    refused_documents(folder)


def partial_documents(folder):
    good = ("192.0.2.1", 5, "none", "pass", "fail")
    for name, row, quirk in (
        ("empty-address", ("", 3, "none", "pass", "fail"), "empty source_ip"),
        ("empty-count", ("192.0.2.9", "", "none", "pass", "fail"), "empty count"),
        ("negative-count", ("192.0.2.9", "-3", "none", "pass", "fail"), "count -3"),
        ("word-count", ("192.0.2.9", "many", "none", "pass", "fail"), "a word"),
    ):
        r = Report(name, rows=[good, row])
        folder.add(name + ".xml", r.bytes(), "partial", quirk, r)

    r = Report("raw-ampersand")
    text = r.xml().replace(
        "<version>1.0</version>", "<extra>http://r.example/?a=1&b=2</extra>"
    )
    folder.add("raw-ampersand.xml", text.encode(), "tolerant", "a raw &", r)
    r = Report("wrapped")
    text = r.xml().replace("<feedback>", '<xs:schema xmlns:xs="urn:x">\n<feedback>')
    folder.add("wrapped.xml", text.encode(), "tolerant", "an unclosed wrapper", r)
    r = Report("not-utf8", org="M\xfcller")
    folder.add("not-utf8.xml", r.xml().encode("latin-1"), "tolerant", "Latin-1", r)
    r = Report("policy-first")
    text = r.xml().replace(r.policy(), "").replace(r.metadata(), "")
    text = text.replace("</feedback>", r.policy() + r.metadata() + "</feedback>")
    folder.add("rows-first.xml", text.encode(), "accept", "metadata at the end", r)


def encodings(folder):
    r = Report("bom")
    folder.add("bom.xml", b"\xef\xbb\xbf" + r.bytes(), "accept", "UTF-8 BOM", r)
    r = Report("utf-16", org="M\u00fcller \U0001f4ee")
    text = r.xml('<?xml version="1.0" encoding="UTF-16"?>')
    folder.add("utf-16le.xml", b"\xff\xfe" + text.encode("utf-16-le"), "accept", "UTF-16LE", r)
    folder.add("utf-16be.xml", b"\xfe\xff" + text.encode("utf-16-be"), "accept", "UTF-16BE", r)
    r = Report("windows-1252", org="\u201cM\u00fcller\u201d \u20ac")
    text = r.xml('<?xml version="1.0" encoding="windows-1252"?>')
    folder.add("windows-1252.xml", text.encode("cp1252"), "accept", "windows-1252", r)
    r = Report("iso-8859-15", org="M\u00fcller \u20ac")
    text = r.xml("<?xml version='1.0' encoding='ISO-8859-15'?>")
    folder.add("iso-8859-15.xml", text.encode("iso-8859-15"), "accept", "ISO-8859-15", r)
    r = Report("minified")
    text = r.xml("").replace("\n", "")
    folder.add("minified.xml", text.encode(), "accept", "one line, no declaration", r)
    r = Report("blank-first")
    folder.add("blank-first.xml", b"\r\n  " + r.bytes(), "accept", "leading blanks", r)
    r = Report("nul-padding")
    folder.add("nul-padding.xml", r.bytes() + b"\0" * 100, "accept", "NULs behind", r)


def refused_documents(folder):
    def refused(name, text, quirk, expect="reject"):
        folder.add(name + ".xml", text.encode(), expect, quirk)

    x = Report("x").xml()
    refused("truncated", x[: len(x) * 2 // 3], "cut off")
    refused("two-documents", x + x, "one behind the other")
    refused("doctype", x.replace("?>\n", '?>\n<!DOCTYPE feedback SYSTEM "x.dtd">\n'), "DOCTYPE")
    laughs = '<!DOCTYPE feedback [<!ENTITY a "ha">' + "".join(
        '<!ENTITY %s "%s">' % (chr(98 + i), ("&%s;" % chr(97 + i)) * 10)
        for i in range(9)
    )
    refused(
        "entities",
        x.replace("?>\n", "?>\n" + laughs + "]>\n").replace("Reporter x", "&j;"),
        "nested entities",
    )
    refused("nul", x.replace("Reporter", "Rep\0rter"), "NUL in a value")
    refused("no-record", Report("x").xml().split(" <record>")[0] + "</feedback>", "no record")
    refused("no-id", x.replace("<report_id>x</report_id>", ""), "no report_id")
    refused("no-domain", x.replace("<domain>example.org</domain><adkim>", "<adkim>"), "no domain")
    refused("word-time", Report("x", begin="yesterday").xml(), "begin is a word")
    refused("no-good-row", Report("x", rows=[("", 1, "none", "", "")]).xml(), "no good row")
    refused("absurd-count", Report("x", rows=[("192.0.2.1", 2**53 + 1, "none", "", "")]).xml(), "2^53 + 1")
    refused("depth-65", x.replace("<version>", "<a>" * 64 + "</a>" * 64 + "<version>", 1), "65 deep: MAX_XML_DEPTH + 1")
    refused("long-tag", x.replace("<version>", '<version a="%s">' % ("x" * 65536)), "64 KiB tag: MAX_XML_TAG_BYTES")
    refused("web-page", "<!DOCTYPE html>\n<html><body>hello</body></html>\n", "HTML", "not-a-report")
    refused("other-root", x.replace("feedback>", "feed>"), "other root", "not-a-report")
    refused("text", "no XML at all\n", "text", "not-a-report")
    r = Report("depth-64")
    text = r.xml().replace("<version>", "<a>" * 63 + "</a>" * 63 + "<version>", 1)
    folder.add("depth-64.xml", text.encode(), "accept", "64 deep: MAX_XML_DEPTH", r)


# -------------------------------------------------------------------- archives


def archives(folder):
    r = Report("archive")
    x = r.bytes()
    accept = (
        ("report.xml.gz", gz(x), "gzip"),
        ("trailing.xml.gz", gz(x) + b"\r\n", "bytes behind the stream"),
        ("trailing-zeros.xml.gz", gz(x) + b"\0" * 512, "zeros behind the stream"),
        ("members.xml.gz", gz(x[:500]) + gz(x[500:]), "two members"),
        ("stream.zlib", zlib.compress(x), "zlib stream"),
        ("report.zip", zipped(("a.xml", x)), "zip"),
        ("stored.zip", zipped(("a.xml", x), method=zipfile.ZIP_STORED), "zip, stored"),
        ("unnamed.zip", zipped(("", x)), "member without a name"),
        ("utf8-name.zip", zipped(("\u00fc/../\u4e2d.xml", x)), "name with .. in UTF-8"),
        ("extra.zip", zipped(("__MACOSX/._a.xml", b"\0\5\x16\7"), ("README", b"hi"), ("d/", b""), ("d/a.xml", x)), "other members"),
        ("gz-in.zip", zipped(("a.xml.gz", gz(x))), "gzip in zip"),
        ("report.tar.gz", gz(tarred(("a.xml", x))), "tar.gz"),
        ("report.tar", tarred(("a.xml", x)), "tar"),
        ("three-deep.zip", zipped(("a.tar.gz", gz(tarred(("a.xml", x))))), "three archives deep: MAX_ARCHIVE_DEPTH"),
        ("xml-called.xml.gz", x, "XML called gz"),
        ("zip-called.xml.gz", zipped(("a.xml", x)), "zip called gz"),
    )
    for name, data, quirk in accept:
        folder.add(name, data, "accept", quirk, r)
    a, b = Report("first"), Report("second", rows=[("192.0.2.1", 1, "none", "pass", "pass")])
    folder.add("two.zip", zipped(("a.xml", a.bytes()), ("b.xml", b.bytes())), "accept", "two reports", a, b)
    broken = bytearray(gz(x))
    broken[-8] ^= 1
    crc = bytearray(zipped(("a.xml", x)))
    crc[14] ^= 1
    crc[crc.index(b"PK\1\2") + 16] ^= 1
    refused = (
        ("bad-crc.xml.gz", bytes(broken), "wrong checksum"),
        ("cut.xml.gz", gz(x)[:-200], "cut off"),
        ("bad-crc.zip", bytes(crc), "wrong checksum in a zip"),
        ("cut.zip", zipped(("a.xml", x))[:300], "cut zip"),
        ("empty.zip", zipped(), "zip of nothing"),
        ("empty.xml.gz", gz(b""), "gzip of nothing"),
        ("unused.xml.gz", gz(b"unused"), "a word in gzip"),
        ("four-deep.zip", zipped(("a.zip", zipped(("a.tar.gz", gz(tarred(("a.xml", x))))))), "four archives deep: MAX_ARCHIVE_DEPTH + 1"),
        ("bomb.xml.gz", gz(x.replace(b"<version>", b" " * 9000000 + b"<version>")), "grows to 1000 times its size"),
        ("many.zip", zipped(*(("%d" % i, b"") for i in range(200)), ("a.xml", x)), "201 members"),
    )
    for name, data, quirk in refused:
        folder.add(name, data, "reject", quirk)
    many = zipped(*(("%d" % i, b"") for i in range(199)), ("a.xml", x))
    folder.add("members-200.zip", many, "accept", "200 members", r)
    long = x.replace(b"<feedback>", b'<feedback a="%s">' % (b"x" * 65536))
    folder.add("long-first-tag.xml.gz", gz(long), "reject", "the first tag is too long: MAX_XML_TAG_BYTES",
               detail={"reason": "a tag of more than"})
    folder.add("empty", b"", "not-a-report", "nothing at all")
    folder.add("other.json", b'{"a": 1}\n', "not-a-report", "other JSON")


# ------------------------------------------------------- failure and TLS reports


def tls_file(name, report):
    data = json.dumps(report).encode()
    return gz(data) if name.endswith(".gz") else data


def tls_reports(folder):
    good = (
        ("tls.json", tls([]), "no policies"),
        ("tls-two.json", tls([tls_policy(5326, 303, ("certificate-expired", 300), ("starttls-not-supported", 3)), tls_policy(7, 0, **{"policy-type": "tlsa"})]), "two policies"),
        ("tls-null.json", tls([tls_policy(1, 0)], contact_info=None), "contact-info null"),
        ("tls-no-org.json", tls([tls_policy(1, 0)], organization_name="-"), "no organization-name"),
        ("tls-mx-list.json", tls([tls_policy(1, 0, **{"mx-host": ["*.mx.example.org", "mx2.example.org"]})]), "mx-host as a list"),
        ("tls-mx-pattern.json", tls([tls_policy(1, 0, **{"mx-host-pattern": "mx.example.org"})]), "mx-host-pattern"),
        ("tls-quoted.json", tls([tls_policy("12", "3")]), "numbers in quotes"),
        ("tls-no-domain.json", tls([tls_policy(2, 0, **{"policy-type": "no-policy-found", "policy-domain": None})]), "no policy-domain"),
        ("tls-fraction.json", tls([tls_policy(1, 0)], date_range={"start-datetime": "2023-11-15T02:00:00.000+02:00", "end-datetime": "2023-11-15T23:59:59.999Z"}), "fractions and zones"),
        ("tls-policies-1000.json.gz", tls([tls_policy(1, 0)] * 1000), "1000 policies"),
    )
    for name, report, quirk in good:
        folder.add(name, tls_file(name, report), "accept", quirk, kind="tlsrpt-json", detail=tls_detail(report))
    bad = (
        ("tls-no-id.json", tls([tls_policy(1, 0)], report_id="-"), "no report-id"),
        ("tls-no-range.json", tls([tls_policy(1, 0)], date_range="-"), "no date-range"),
        ("tls-inverted.json", tls([tls_policy(1, 0)], date_range={"start-datetime": "2023-11-15T00:00:00Z", "end-datetime": "2023-11-14T00:00:00Z"}), "ends before it begins"),
        ("tls-no-policies.json", tls("-"), "no policies member"),
        ("tls-policies-1001.json.gz", tls([tls_policy(1, 0)] * 1001), "1001 policies"),
        ("tls-failures.json.gz", tls([tls_policy(1, 0, *[("x", 1)] * 10001)]), "10001 failures"),
    )
    for name, report, quirk in bad:
        folder.add(name, tls_file(name, report), "reject", quirk, kind="tlsrpt-json")
    text = json.dumps(good[1][1]).encode()
    folder.add("tls-cut.json", text[:-20], "reject", "no end", kind="tlsrpt-json")
    folder.add("tls-deep.json", b'{"policies":' + b"[" * 20 + b"]" * 20 + b"}", "reject", "20 levels", kind="tlsrpt-json")
    folder.add("tls.json.gz", gz(text), "accept", "gzip", kind="tlsrpt-gz", detail=tls_detail(good[1][1]))
    packed = part(gz(text), "application/tlsrpt+gzip", "t.json.gz")
    body = multipart(TEXT, packed, ctype="multipart/report; report-type=tlsrpt")
    folder.add("tls.eml", mail(body), "accept", "attached", kind="tlsrpt-eml", detail=tls_detail(good[1][1]))
    plain = part(text, "application/tlsrpt+gzip", "t.json.gz")
    folder.add("tls-plain.eml", mail(multipart(TEXT, plain)), "accept", "JSON called gzip", kind="tlsrpt-eml", detail=tls_detail(good[1][1]))


def failures(folder, returned):
    whole = b"Content-Type: message/rfc822\n\n" + RETURNED + b"\nthe body\n"
    header = b"Content-Type: text/rfc822-headers\n\n" + RETURNED
    without = {k: v for k, v in FAILURE.items() if not k.startswith("_")}

    def add(name, data, quirk, **change):
        folder.add(name, data, "accept", quirk, kind="failure-eml", detail=dict(FAILURE, **change))

    add("failure.eml", failure_mail(FEEDBACK, whole), "failure report")
    add("failure-header.eml", failure_mail(FEEDBACK, header), "text/rfc822-headers")
    add("failure-crlf.eml", failure_mail(FEEDBACK, whole).replace(b"\n", b"\r\n"), "CR LF")
    add("failure-cr.eml", failure_mail(FEEDBACK, whole).replace(b"\n", b"\r"), "CR alone")
    packed = base64.encodebytes(FEEDBACK)
    add("failure-base64.eml", failure_mail(packed, whole, encoding="Content-Transfer-Encoding: base64\n"), "base64")
    add("failure-base64-untold.eml", failure_mail(packed, whole), "base64 without saying so")
    add("failure-twice.eml", failure_mail(FEEDBACK + FEEDBACK.replace(b"192.0.2.7", b"192.0.2.8"), whole), "fields twice")
    add("failure-incidents.eml", failure_mail(FEEDBACK + b"Incidents: 12\n", whole), "12 incidents", _incidents=12)
    folder.add("failure-bare.eml", failure_mail(b"Reported-Domain: example.org\n", b""), "accept", "almost nothing", kind="failure-eml",
               detail={"reported-domain": "example.org", "feedback-type": None, "source-ip": None, "_incidents": 1})
    folder.add("abuse.eml", failure_mail(FEEDBACK.replace(b"auth-failure", b"abuse").replace(b"192.0.2.7", b"[2001:DB8::7]"), whole), "accept", "a complaint", kind="failure-eml",
               detail=dict(without, **{"feedback-type": "abuse", "source-ip": "2001:db8::7"}))
    folder.add("failure-inside.eml", failure_mail(FEEDBACK, returned), "accept", "a report as the message", kind="failure-eml", detail=without)
    folder.add("failure-other.eml", failure_mail(b"Something: else\n", whole), "reject", "no known field", kind="failure-eml")
    text = (
        b"Content-Type: text/plain\n\nA message claiming to be from you has failed the published DMARC\n"
        b"policy for your domain.\n\n  Sender Domain: example.org\n  Sender IP Address: 192.0.2.7\n"
        b"  Received Date: Wed, 15 Nov 2023 12:00:00 +0100\n  SPF Alignment: no\n  DKIM Alignment: yes\n"
        b"  DMARC Results: Reject\n\n------ This is a copy of the headers.\n------\n\n"
    )
    exim = {
        "feedback-type": "auth-failure",
        "auth-failure": "dmarc",
        "reported-domain": "example.org",
        "source-ip": "192.0.2.7",
        "identity-alignment": "dkim=yes spf=no",
        "authentication-results": "Reject",
        "_arrival": 1700046000,
        "_header-from": "example.org",
        "_message-id": "<7@sender.example>",
    }
    folder.add("failure-exim.eml", mail(multipart(text + RETURNED, ctype="multipart/report")), "accept", "Exim's text in a multipart", kind="failure-eml", detail=exim)
    folder.add("failure-exim-plain.eml", mail(text + RETURNED), "accept", "Exim's text alone", kind="failure-eml", detail=exim)
    folder.add("failure-quoted.eml", mail(b"\nDid you get this? A message claiming to be from you has failed\n"), "not-a-report", "words of a failure report")


# ------------------------------------------------------------------------ mail


def mails(folder):
    r = Report("mail")
    x = r.bytes()
    packed = part(gz(x), "application/gzip", "r!example.org!1!2.xml.gz")
    lines = base64.encodebytes(gz(x)).split(b"\n")
    junk = b"!!! -\n".join(line + b"\n" for line in lines if line)
    chinese = "=?gb2312?B?%s?=" % base64.b64encode("\u62a5\u544a".encode("gb2312")).decode()
    named = (
        "Content-Type: application/gzip;\n name*0*=gb2312''%B1%A8;\n name*1*=%B8%E6.gz\n"
        "Content-Transfer-Encoding: base64\n\n"
    ).encode() + base64.encodebytes(gz(x))
    forwarded = b"Content-Type: message/rfc822\n\n" + mail(multipart(TEXT, packed, boundary="in"))
    nested = multipart(multipart(multipart(TEXT, packed, boundary="c"), boundary="b"), TEXT)
    accept = (
        ("gzip.eml", multipart(TEXT, packed), "gzip attached"),
        ("whole-zip.eml", part(zipped(("a.xml", x)), "application/zip", "r.zip"), "the mail is a zip"),
        ("octets.eml", multipart(part(gz(x), "application/octet-stream")), "octet-stream without a name"),
        ("lies.eml", multipart(part(gz(x), "application/zip", "r.zip")), "gzip called zip"),
        ("plain-xml.eml", multipart(part(x, "text/xml", "r.xml", "7bit")), "XML as it is"),
        ("text-xml.eml", multipart(TEXT, part(x, "text/plain", "r.txt")), "XML as text/plain"),
        ("nested.eml", nested, "three multiparts"),
        ("forwarded.eml", multipart(TEXT, forwarded), "forwarded"),
        ("junk.eml", multipart(part(junk, "application/gzip", "r.gz", None, "\nContent-Transfer-Encoding: base64")), "junk in base64"),
        ("not-base64.eml", multipart(part(x, "text/xml", "r.xml", None, "\nContent-Transfer-Encoding: base64")), "XML called base64"),
        ("capitals.eml", multipart(part(gz(x), "APPLICATION/GZIP", "R.GZ")).replace(b"base64", b"BASE64"), "BASE64 in capitals"),
        ("no-end.eml", multipart(TEXT, packed, close=False), "no closing boundary"),
        ("tar.eml", multipart(part(gz(tarred(("a.xml", x))), "application/gzip", "r.tar.gz")), "tar.gz attached"),
    )
    for name, body, quirk in accept:
        folder.add(name, mail(body), "accept", quirk, r)
    folder.add("chinese.eml", mail(multipart(TEXT, named), chinese), "accept", "GB2312 in Subject and name", r)
    rare = named.replace(b"gb2312''", b"ibm930''").replace(b"*0*=", b"*0* = ")
    folder.add("rare.eml", mail(multipart(TEXT, rare), "=?iso-2022-cn?B?Yq==?="), "accept", "charsets nobody has open", r)
    folder.add("mbox.eml", b"From dmarc@reporter.example Thu Nov 16 00:00:00 2023\n" + mail(multipart(TEXT, packed)), "accept", "mbox line", r)
    folder.add("crlf.eml", mail(multipart(TEXT, packed)).replace(b"\n", b"\r\n"), "accept", "CR LF", r)
    a, b = Report("first"), Report("second")
    both = multipart(part(gz(a.bytes()), "application/gzip"), part(gz(b.bytes()), "application/gzip"))
    folder.add("two.eml", mail(both), "accept", "two attachments", a, b)
    other_mails(folder, r, packed, forwarded)
    failures(folder, forwarded)
    tls_reports(folder)


def other_mails(folder, r, packed, returned):
    picture = part(b"GIF89a\1\0\1\0\0\0\0;", "application/gzip", "r.xml.gz")
    status = b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n"
    bounce = multipart(TEXT, status, returned, ctype="multipart/report; report-type=delivery-status")
    folder.add("ordinary.eml", mail(b"\nhello\n", "hello"), "not-a-report", "an ordinary mail")
    folder.add("picture.eml", mail(multipart(TEXT, picture)), "not-a-report", "a picture called gz")
    folder.add("bounce.eml", mail(bounce, "Undelivered"), "not-a-report", "our report came back")
    empty = b"Content-Type: text/plain\n\n"
    # The multipart itself is a part as well.
    folder.add("parts-1000.eml", mail(multipart(*[empty] * 998, packed)), "accept", "1000 parts: MAX_MAIL_PARTS", r)
    folder.add("parts-1001.eml", mail(multipart(*[empty] * 999, packed)), "reject", "1001 parts: MAX_MAIL_PARTS + 1")
    for depth, expect in ((30, "accept"), (31, "reject")):
        body = packed
        for i in range(depth):
            body = multipart(body, boundary="b%d" % i)
        reports = (r,) if expect == "accept" else ()
        folder.add("depth-%d.eml" % depth, mail(body), expect, "%d multiparts: MAX_MAIL_DEPTH is 30" % depth, *reports)


def main(argv):
    here = os.path.dirname(os.path.abspath(__file__))
    folder = Folder(argv[1] if len(argv) > 1 else here)
    documents(folder)
    archives(folder)
    mails(folder)
    quirks.documents(folder)
    quirks.archives(folder)
    quirks.mails(folder)
    folder.write_manifest()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
