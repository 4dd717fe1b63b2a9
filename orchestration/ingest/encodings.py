"""Turns the bytes of a text file into UTF-8, escaping each byte that its encoding does not know.

Nothing is replaced: an escape (a lone surrogate, as of PEP 383) says which byte stood there, so that its record can be
set apart and shown. No parser of UTF-8 accepts one, so none can slip through. What a record is, is not known here.
"""

import codecs
import re
from collections.abc import Iterator
from typing import IO

BLOCK_BYTES = 8 << 20
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# A replacement character in an export tells that some system before lost what stood there.
REPLACEMENT_BYTES = REPLACEMENT.encode()
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
ESCAPED = re.compile("[\udc00-\udcff]")
# UTF-8 cannot hold an escape. A text that was transcoded to it does, in a form that no strict reader takes.
ESCAPE_PASSING = "surrogatepass"


def _escape(error: UnicodeError) -> tuple[str, int]:
    """`surrogateescape` for every byte, those below 0x80 too: a half character of UTF-16 may be one."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in wrong), error.end


codecs.register_error("stageproof.escape", _escape)


def encoding_of(start: bytes, declared: str) -> tuple[str, int]:
    """The encoding that a file is in and the length of its byte order mark, which wins over what is declared."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding, len(mark)
    return ("utf-16-le" if declared == "utf-16" else declared), 0


def utf8_blocks(file: IO[bytes], encoding: str) -> Iterator[bytes]:
    """The rest of a file in blocks of UTF-8 that need not end at a character of their own.

    UTF-8 itself is handed through unread: whoever parses it sees what is wrong with it.
    """
    if encoding == "utf-8":
        while block := file.read(BLOCK_BYTES):
            yield block
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="stageproof.escape")
    while block := file.read(BLOCK_BYTES):
        yield decoder.decode(block).encode(errors=ESCAPE_PASSING)
    yield decoder.decode(b"", final=True).encode(errors=ESCAPE_PASSING)


def text_of(utf8: bytes, encoding: str) -> str:
    """What `utf8_blocks` gave, as text with an escape for each byte that could not be read."""
    return utf8.decode(errors="surrogateescape" if encoding == "utf-8" else ESCAPE_PASSING)


def utf8_length(text: str, encoding: str) -> int:
    """How many bytes a text takes in what `utf8_blocks` gave."""
    return len(text.encode(errors="surrogateescape" if encoding == "utf-8" else ESCAPE_PASSING))


def source_length(text: str, encoding: str) -> int:
    """How many bytes of the file a text with escapes came from."""
    readable, escapes = ESCAPED.subn("", text)
    return len(readable.encode(encoding)) + escapes


def is_unreadable(text: str) -> bool:
    """Whether a text holds a byte that could not be read, or a sign that one was lost before."""
    return REPLACEMENT in text or ESCAPED.search(text) is not None


def shown(text: str) -> str:
    """A text with escapes as people read it: `\\xNN` for each byte that could not be read."""
    return ESCAPED.sub(lambda escape: f"\\x{ord(escape.group()) - 0xDC00:02x}", text)
