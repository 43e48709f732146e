# SPDX-License-Identifier: Apache-2.0
"""
A client of postfix: work of the kinds asked for, by the seed.

usage: mail.py HOST SEED KIND…
Kinds: letter virtual ticket list large info many unknown relay_denied new submit submits busy gone later
wrong vrfy etrn aborted; and, with arguments and alone:
  to ADDRESS SUBJECT BODY        a letter of a stranger's
  from USER PASSWORD ADDRESS…    letters that a user submits, of standard input. Exit status 1: refused
"""
import random
import smtplib
import socket
import ssl
import sys
import time
from email.message import EmailMessage

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE
USERS = {"ann": "harbour1", "bob": "winter22", "carl": "paper-3", "dora": "quiet4"}
SENDERS = ["shop@peer.example", "news@peer.example", "ed@other.example", "fay@other.example"]
socket.setdefaulttimeout(20)


def message(to, sender, attachment=0, subject=None, body=None):
    m = EmailMessage()
    m["From"], m["To"] = sender, to
    words = ["Invoice", "Hello", "Your order", "Offer", "Grüße"]
    m["Subject"] = subject or f"{random.choice(words)} {random.randrange(999)}"
    m["Message-ID"] = f"<{random.randrange(1 << 40)}.{time.time_ns()}@peer.example>"
    m.set_content(body or "\n".join(f"line {i} of a text, {random.random()}" for i in range(random.randrange(3, 200))))
    if attachment:
        m.add_attachment(random.randbytes(attachment), maintype="application", subtype="pdf", filename="invoice.pdf")
    return m


class Client:
    def __init__(self, host):
        self.host = host

    def session(self, has_tls=None):
        s = smtplib.SMTP(self.host, 25, "client.peer.example")
        if random.random() < 0.3 if has_tls is None else has_tls:
            s.starttls(context=CONTEXT)
        return s

    def send(self, to, **fields):
        sender = fields.pop("sender", None) or random.choice(SENDERS)
        with self.session() as s:
            s.send_message(message(to, sender, **fields), sender, [to] if isinstance(to, str) else to)

    def login(self, user, password, wraps=False):
        if wraps:
            s = smtplib.SMTP_SSL(self.host, 465, "laptop.firm.example", context=CONTEXT)
        else:
            s = smtplib.SMTP(self.host, 587, "laptop.firm.example")
            s.starttls(context=CONTEXT)
        s.user, s.password = user, password
        s.ehlo()
        s.auth(*random.choice([("PLAIN", s.auth_plain), ("LOGIN", s.auth_login)]))
        return s

    def letter(self):
        user = random.choice(list(USERS))
        names = [user, user, f"{user}+{random.choice(['shop', 'club'])}", "root", "postmaster"]
        self.send(random.choice(names) + "@firm.example", attachment=random.choice([0, 0, 0, 500, 60000]))

    def virtual(self):
        self.send(f"member{random.randrange(1, 9)}@club.example", attachment=random.choice([0, 0, 20000]))

    def ticket(self):
        words = ["Printer", "No network", "Where is my order"]
        self.send("help@tickets.firm.example", sender="customer@partner.example",
                  attachment=random.choice([0, 0, 9000]), subject=f"{random.choice(words)} {random.randrange(99)}")

    def list(self):
        self.send(random.choice(["staff@firm.example", "archive@firm.example", "sales@firm.example"]))

    def large(self):
        self.send("bob@firm.example", attachment=random.randrange(300000, 1200000))

    def info(self):
        self.send("info@firm.example", sender=f"asker{random.randrange(9)}@partner.example")

    def many(self):
        with self.session() as s:
            for _ in range(random.randrange(2, 12)):
                names = [f"{u}@firm.example" for u in USERS] + ["member1@club.example"]
                to = random.sample(names, random.randrange(1, 4))
                s.send_message(message(", ".join(to), "news@peer.example"), "news@peer.example", to)

    def unknown(self):
        self.send(f"nobody{random.randrange(99)}@firm.example")

    def relay_denied(self):
        self.send("victim@elsewhere.example")

    def new(self):
        sender = f"guest{random.randrange(5)}@new.example"
        try:
            self.send("ann@firm.example", sender=sender)
        except smtplib.SMTPException:
            self.send("ann@firm.example", sender=sender)

    def submit(self, to=None, wraps=False):
        user = random.choice(list(USERS))
        friend = f"friend{random.randrange(30)}@partner.example"
        to = to or random.choice([friend, friend, "someone@elsewhere.example", "bob@firm.example"])
        with self.login(user, USERS[user], wraps) as s:
            for _ in range(random.randrange(1, 3)):
                s.send_message(message(to, f"{user}@firm.example", attachment=random.choice([0, 0, 40000])))

    def submits(self):
        self.submit(wraps=True)

    def busy(self):
        self.submit(f"busy{random.randrange(1000)}@partner.example")

    def gone(self):
        self.submit(f"gone{random.randrange(1000)}@partner.example")

    def later(self):
        self.submit(f"later{random.randrange(1000)}@partner.example")

    def wrong(self):
        self.login(random.choice(list(USERS)), "guess")

    def vrfy(self):
        with self.session() as s:
            s.noop()
            s.verify("ann")
            s.rset()
            s.docmd("HELP")

    def etrn(self):
        with self.session(False) as s:
            s.ehlo()
            s.docmd("ETRN", "partner.example")

    def aborted(self):
        s = self.session(False)
        s.ehlo()
        s.mail("shop@peer.example")
        s.rcpt("ann@firm.example")
        s.docmd("DATA")
        s.send("Subject: half\r\n\r\nof a let")
        s.close()


def main():
    host, seed, kind, *rest = sys.argv[1:]
    random.seed(int(seed))
    client, status = Client(host), 0
    for kind in [kind] if kind in ("to", "from") else [kind, *rest]:
        try:
            if kind == "to":
                client.send(rest[0], subject=rest[1], body=rest[2])
            elif kind == "from":
                body = sys.stdin.read()
                with client.login(rest[0], rest[1]) as s:
                    for to in rest[2:]:
                        s.send_message(message(to, f"{rest[0]}@firm.example", subject="A letter", body=body))
            else:
                getattr(client, kind)()
        except (smtplib.SMTPException, OSError) as e:
            print(f"mail.py: {kind}: {e!r}", file=sys.stderr)
            status = 1
    sys.exit(status)


main()
