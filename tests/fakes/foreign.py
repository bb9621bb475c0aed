"""What somebody on another machine may call a user, a project or a file, and how it is shown to people."""

from __future__ import annotations

FOREIGN = [
    ("größe.c", "größe.c"),
    ("文件.c", "文件.c"),
    ("[/x]", "[/x]"),
    ("[red]evil[blink].c", "[red]evil[blink].c"),
    (":skull:.c", ":skull:.c"),
    ("\x1b]0;PWNED\x07", "?]0;PWNED?"),
    ("a\nb", "a?b"),
    ("a\r\tb\x00\x7f", "a??b??"),
    ("\x9b2J", "?2J"),
    ("a\u2028b\u2029c", "a?b?c"),
    ("\u202egpj.c", "?gpj.c"),
    ("\u2066a\u2069\u200f", "?a??"),
    ("a\u200b\ufeff\xadb", "a???b"),
]
"""Pairs of a text as it comes and as it is shown."""

WORST = "[/x]:skull:\x9b\u202e\u2028\x1b\x07\ny"
SHOWN = "[/x]:skull:??????y"
"""Much of that in one text, and how it is shown."""
