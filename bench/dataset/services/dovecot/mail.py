#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A client of dovecot: one unit of work of the kind asked for, by the seed.

usage: mail.py HOST USER PASSWORD SEED KIND
Kinds: read search append folders flags move status starttls plain quota all; deliver needs no password.
harvest USER…: those whose mail a master user reads, by user*master. Exit status 1: refused.
"""
import imaplib
import random
import smtplib
import socket
import ssl
import sys
import time
from email.message import EmailMessage

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE
socket.setdefaulttimeout(20)


def message(size, attachment=0):
    m = EmailMessage()
    m["From"], m["To"] = "shop@peer.example", "user@example.test"
    m["Subject"] = random.choice(["Invoice", "Hello", "Your order", "Report", "Meeting"]) + f" {random.randrange(900)}"
    m["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    m["Message-ID"] = f"<{random.randrange(1 << 40)}@peer.example>"
    m.set_content("\n".join(f"line {i} of a letter, {random.random()}" for i in range(size)))
    if attachment:
        m.add_attachment(random.randbytes(attachment), maintype="application", subtype="pdf", filename="invoice.pdf")
    return m


def connect(host, user, password, kind="tls"):
    if kind == "tls":
        box = imaplib.IMAP4_SSL(host, 993, ssl_context=CONTEXT)
    else:
        box = imaplib.IMAP4(host, 143)
        if kind == "starttls":
            box.starttls(CONTEXT)
    box.login(user, password)
    return box


def numbers(box, *criteria):
    return box.search(None, *criteria)[1][0].split()


def read(box):
    if box.select("INBOX")[1] == [b"0"]:
        return
    box.fetch("1:*", "(FLAGS INTERNALDATE RFC822.SIZE)")
    for n in random.sample(numbers(box, "ALL"), k=min(3, len(numbers(box, "ALL")))):
        box.fetch(n, random.choice(["(RFC822)", "(BODY.PEEK[HEADER])", "(BODYSTRUCTURE)", "(BODY[1])"]))


def search(box):
    box.select("INBOX", readonly=True)
    for criteria in [("SUBJECT", "Invoice"), ("BODY", "letter"), ("UNSEEN",), ("SINCE", "01-Nov-2026")]:
        numbers(box, *criteria)
    box.sort("REVERSE DATE", "UTF-8", "ALL")
    box.thread("REFERENCES", "UTF-8", "ALL")


def append(box):
    box.append(random.choice(["Sent", "Drafts"]), r"(\Seen)", imaplib.Time2Internaldate(time.time()),
               message(20, random.choice([0, 0, 30000])).as_bytes())


def folders(box):
    name = f"Work{random.randrange(6)}"
    box.create(name)
    box.subscribe(name)
    box.list()
    box.lsub()
    box.rename(name, name + "-old")
    box.delete(name + "-old")


def flags(box):
    box.select("INBOX")
    for n in numbers(box, "ALL")[:5]:
        box.store(n, "+FLAGS", random.choice([r"(\Flagged)", r"(\Answered)", "(Important)"]))
    for n in numbers(box, "ALL")[20:]:
        box.store(n, "+FLAGS", r"(\Deleted)")
    box.expunge()


def move(box):
    box.select("INBOX")
    some = numbers(box, "ALL")[:2]
    for n in reversed(some):
        box.copy(n, random.choice(["Archive", "Trash"]))
        box.store(n, "+FLAGS", r"(\Deleted)")
    box.expunge()
    box.close()


def status(box):
    for name in ["INBOX", "Sent", "Trash", "Drafts"]:
        box.status(name, "(MESSAGES UNSEEN UIDNEXT)")
    box.noop()
    box.namespace()
    box.capability()


def quota(box):
    box.getquotaroot("INBOX")
    box.getacl("INBOX")
    box.myrights("Archive")


def all_mail(box):
    """Every message of every folder, to standard output."""
    for line in box.list()[1]:
        box.select(b'"' + line.split(b' "')[-1].strip(b'"').split(b" ")[-1] + b'"', readonly=True)
        for n in numbers(box, "ALL"):
            sys.stdout.buffer.write(box.fetch(n, "(BODY.PEEK[])")[1][0][1])


def deliver(host, user):
    with smtplib.LMTP(host, 24) as lmtp:
        for _ in range(random.randrange(1, 4)):
            lmtp.send_message(message(random.randrange(3, 300), random.choice([0, 0, 0, 60000])),
                              "shop@peer.example", [user])


def harvest(host, users, password):
    for user in users.split(","):
        box = connect(host, f"{user}*postmaster", password)
        all_mail(box)
        box.logout()


def main():
    host, user, password, seed, kind = sys.argv[1:6]
    random.seed(int(seed))
    try:
        if kind == "deliver":
            deliver(host, user)
        elif kind == "harvest":
            harvest(host, user, password)
        else:
            box = connect(host, user, password, kind if kind in ("starttls", "plain") else "tls")
            {"starttls": read, "plain": status, "all": all_mail}.get(kind, globals().get(kind))(box)
            box.logout()
    except (imaplib.IMAP4.error, smtplib.SMTPException, OSError) as e:
        sys.exit(f"mail.py: {e!r}")


main()
