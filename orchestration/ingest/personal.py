"""What is personal data, so that what nobody asked for is never kept: e-mail, telephone, free text.

Columns that a mapping lists are kept as they are; these rules are for all others and for what people see of refused
records.
"""

import re

import polars as pl

# An ISO date or a number of an account must not pass for a telephone: those have their own groups of digits.
ADDRESS = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
TELEPHONE = (
    r"\+\d[\d ()./-]{6,}\d"
    r"|\(\d{2,5}\)[ -]?\d{3,4}[ -]?\d{3,4}"
    r"|\b0\d{2,3}-\d{7,8}\b"
    r"|\b1[3-9]\d-?\d{4}-?\d{4}\b"
    r"|\b\d{3}[-. ]\d{3,4}[-. ]\d{4}\b"
)
PERSONAL = f"{ADDRESS}|{TELEPHONE}"
MASK = "***"
# What is longer, or has lines, was written by somebody to be read, not chosen from a list.
LONGEST_ATTRIBUTE = 200

ADDRESSES = {"email", "mail", "phone", "telephone", "tel", "mobile", "mobilephone", "cell", "fax", "address", "street"}
DATES = {"birthday", "birthdate"}
FREE_TEXTS = {
    *("description", "note", "notes", "comment", "comments", "remark", "remarks"),
    *("body", "message", "content", "subject"),
}
WORDS = ADDRESSES | DATES | FREE_TEXTS
CHINESE_WORDS = ("邮箱", "邮件", "电话", "手机", "传真", "备注", "描述", "说明", "地址", "生日", "微信", "内容", "主题")
# Logical names of some CRMs are run together: qualificationcomments, emailaddress1, telephone1.
RUN_TOGETHER = ("emailaddress", "telephone", "mobilephone", "description", "comments")
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def is_personal(header: str) -> bool:
    """Whether a column's name says that it holds an address, a number to call, or free text."""
    parts = {part.lower() for part in PARTS.findall(header)}
    return (
        bool(parts & WORDS)
        or any(word in header for word in CHINESE_WORDS)
        or any(part.startswith(RUN_TOGETHER) or part.endswith(RUN_TOGETHER) for part in parts)
    )


def masked(text: str) -> str:
    return re.sub(PERSONAL, MASK, text)


def without_personal(values: pl.Expr) -> pl.Expr:
    """Values of a column that nothing lists: free text is dropped, addresses and numbers within others are masked."""
    is_free_text = values.str.contains("\n", literal=True) | (values.str.len_chars() > LONGEST_ATTRIBUTE)
    return pl.when(~is_free_text).then(values.str.replace_all(PERSONAL, MASK))
