"""A small SMTP server over sockets, for tests: it takes mails, and fails, delays or drops as it is told to."""

import base64
import email
import email.policy
import socket
import ssl
import threading


class Mail:
    def __init__(self, sender, recipients, data):
        self.sender, self.recipients, self.data = sender, recipients, data
        self.message = email.message_from_bytes(data, policy=email.policy.default)

    @property
    def text(self):
        return self.message.get_content()

    @property
    def id(self):
        return self.message["Message-ID"]


class Smtp:
    """`plan`: what happens to the next connections, one word each; then all is well.
    greet-554, mail-451, rcpt-451, rcpt-550, data-451, data-554: that answer there; drop-connect, drop-rcpt, drop-data: the
    connection is cut there, drop-data with the mail received and kept; hang: no answer to the connection at all."""

    def __init__(self, context=None, login=None):
        self.context, self.login = context, login       # TLS by STARTTLS; (user, password)
        self.plan, self.mails, self.connections, self.logins = [], [], 0, []
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open, self.ended = set(), False
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"smtp://localhost:{self.port}"

    def close(self):
        with self.changed:
            self.ended = True
            for each in list(self.open):
                each.close()
        self.listener.close()

    def wait(self, condition, seconds=180):
        """Until the condition holds of this server; whether it did."""
        with self.changed:
            return self.changed.wait_for(lambda: condition(self), seconds)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.connections += 1
                step = self.plan.pop(0) if self.plan else ""
                self.open.add(connection)
                self.changed.notify_all()
            threading.Thread(target=self.serve, args=(connection, step), daemon=True).start()

    def serve(self, connection, step):
        try:
            connection.settimeout(60)
            self.session(connection, step)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
            with self.changed:
                self.open.discard(connection)

    def session(self, connection, step):
        if step == "drop-connect":
            return
        if step == "hang":
            connection.recv(1)                          # ends when the client or the test gives up
            return
        lines = connection.makefile("rb")

        def say(text):
            connection.sendall(text.encode() + b"\r\n")

        if step == "greet-554":
            say("554 not today")
            return
        say("220 test ESMTP")
        sender, recipients, secure = None, [], False
        while line := lines.readline():
            words = line.decode("latin-1").strip()
            verb = words.split(" ")[0].upper()
            if verb == "EHLO":
                extensions = ["test"] + (["STARTTLS"] if self.context and not secure else []) + (["AUTH PLAIN"] if self.login else [])
                for each in extensions[:-1]:
                    say("250-" + each)
                say("250 " + extensions[-1])
            elif verb == "STARTTLS" and self.context:
                say("220 go on")
                connection = self.context.wrap_socket(connection, server_side=True)
                lines, secure = connection.makefile("rb"), True
            elif verb == "AUTH":
                said = words.split(" ")
                if len(said) < 3:
                    say("334 ")
                    said.append(lines.readline().decode().strip())
                given = tuple(base64.b64decode(said[2]).decode().split("\0")[1:])
                self.logins.append(given)
                say("235 welcome" if given == self.login else "535 who are you?")
            elif verb == "MAIL":
                if step == "mail-451":
                    say("451 later")
                    continue
                sender = words[words.index("<") + 1:words.index(">")]
                say("250 ok")
            elif verb == "RCPT":
                if step == "drop-rcpt":
                    return
                if step in ("rcpt-451", "rcpt-550"):
                    say(step[5:] + " no")
                    continue
                recipients.append(words[words.index("<") + 1:words.index(">")])
                say("250 ok")
            elif verb == "DATA":
                say("354 go on")
                data = b""
                while (line := lines.readline()) not in (b".\r\n", b""):
                    data += line[1:] if line.startswith(b".") else line
                if not line:
                    return
                if step not in ("data-451", "data-554"):
                    with self.changed:
                        self.mails.append(Mail(sender, recipients, data))
                        self.changed.notify_all()
                if step == "drop-data":
                    return
                say(step[5:] + " no" if step.startswith("data-") else "250 taken")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok" if verb in ("RSET", "NOOP") else "502 what?")
