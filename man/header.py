"""Public headers as data: what their comments say, and what they declare.

A comment that stands directly above declarations, with no empty line between, is about all of them:
together they are a group, and a group of functions is a manual page. What a comment may consist of:

    text        a paragraph: lines that begin in the first column
    code        lines that are indented: shown as they are
    errors      a table: lines that begin with -ECODE and two blanks; longer ones go on indented

In a paragraph a sentence that begins with `-ECODE:` (or several codes) is about an error, one that
begins with `0:` about success, and one that begins with `Returns` about the result. The first
sentence of a group begins with its verb: `Takes a permit.` It is the page's one-line description.
"""

import re

CODES = r"-E[A-Z]+(?:, -E[A-Z]+)*"
ERROR_LINE = re.compile(rf"({CODES})  +(\S.*)")


class Block:
    """A part of a comment: kind is text, code or errors (whose content is [(codes, why)])."""

    def __init__(self, kind, content):
        self.kind, self.content = kind, content


class Function:
    def __init__(self, code):
        code = re.sub(r"\bCEDE_API\b|\bCEDE_MUST_CHECK\b", "", code)
        code = re.sub(r"\s+", " ", code).strip(" ;")
        head, self.name, parameters = re.match(r"(.*?)(\w+) ?\((.*)\)$", code).groups()
        self.result = head  # with the blank, or with a star
        self.parameters = [p.strip() for p in re.split(r",(?![^()]*\))", parameters)]

    def names(self):
        """What the parameters are called."""
        found = (re.match(r".*?\(\*(\w+)\)|.*?(\w+)$", p) for p in self.parameters if p != "void")
        return [m.group(1) or m.group(2) for m in found if m]


class Group:
    def __init__(self, comment):
        self.comment = comment  # [Block]
        self.functions = []
        self.macros = []   # (name, parameters in parentheses or "")
        self.types = []    # (name, source text)

    def summary(self):
        """The first sentence."""
        texts = [block.content for block in self.comment if block.kind == "text"]
        return sentences(texts[0])[0] if texts else ""


class Header:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        self.intro, self.groups = parse(path.read_text())

    def summary(self):
        """`Semaphore: a number of permits, ...`, without the rest and the full stop."""
        return sentences(self.intro[0].content)[0].rstrip(".:")

    def functions(self):
        return [f for group in self.groups for f in group.functions]


def sentences(text):
    """The sentences of a paragraph: a full stop, then the beginning of another one."""
    parts = re.split(r"(?<=[.])\s+(?=[A-Z0`*(-]|cede_|fn\b|ret_)|;\s+(?=-E[A-Z]+:)", text)
    return [part for part in parts if part]


def blocks(comment):
    """The blocks of a comment, given as its lines without their stars."""
    found = []
    lines = [line.rstrip() for line in comment]
    while lines:
        line = lines.pop(0)
        if not line:
            continue
        if line.startswith("  "):
            code = [line]
            while lines and (not lines[0] or lines[0].startswith("  ")):
                code.append(lines.pop(0))
            indent = min(len(c) - len(c.lstrip()) for c in code if c)
            found.append(Block("code", "\n".join(c[indent:] for c in code).strip("\n")))
        elif ERROR_LINE.match(line):
            errors = [list(ERROR_LINE.match(line).groups())]
            while lines and lines[0]:
                more = lines.pop(0)
                if more.startswith(" "):
                    errors[-1][1] += " " + more.strip()
                else:  # one blank will do here: some codes are longer than the first
                    errors.append(list(re.match(rf"({CODES}) +(\S.*)", more).groups()))
            found.append(Block("errors", errors))
        else:
            text = [line]
            while lines and lines[0] and not lines[0].startswith("  ") \
                    and not ERROR_LINE.match(lines[0]):
                text.append(lines.pop(0))
            found.append(Block("text", re.sub(r"\s+", " ", " ".join(text))))
    return found


def comment_blocks(source):
    lines = source[2:-2].strip("\n").split("\n")
    return blocks([re.sub(r"^ \* ?", "", line) if number or line.startswith(" *")
                   else line.strip() for number, line in enumerate(lines)])


# A comment, a preprocessor line with its continuations, a declaration with what is in its braces.
PART = re.compile(r"(?P<comment>/\*.*?\*/)|(?P<directive>#(?:\\\n|[^\n])*)|(?P<empty>\n[ \t]*\n)|"
                  r"(?P<externs>CEDE_(?:BEGIN|END)_DECLS\b)|"  # extern "C", without a semicolon
                  r"(?P<code>[A-Za-z_](?:[^;{]|\{.*?^\})*?;)|\s+", re.S | re.M)


def parse(source):
    """(introduction, groups) of a header."""
    intro, groups, group = None, [], None
    position = 0
    while position < len(source):
        match = PART.match(source, position)
        if not match:
            raise SyntaxError(f"cannot read: {source[position:position + 80]!r}")
        position = match.end()
        if match["comment"]:
            if "SPDX" in match["comment"]:
                continue
            found = comment_blocks(match["comment"])
            if intro is None:
                intro = found
            else:
                group = Group(found)
                groups.append(group)
        elif match["empty"] or match["externs"]:
            group = None
        elif match["directive"] or match["code"]:
            if group is None:
                group = Group([])
                groups.append(group)
            add(group, match["directive"] or match["code"])
    return intro or [], [g for g in groups if g.functions or g.macros or g.types]


def add(group, code):
    """Enters a declaration, unless it is one of the library's own."""
    macro = re.match(r"#define (CEDE_[A-Z]\w*)(\([^)]*\))?", code)
    named = re.match(r"(struct|enum) (cede_[a-z]\w*) \{|(enum) \{", code)
    if macro:
        if macro[1] not in ("CEDE_H", "CEDE_API", "CEDE_MUST_CHECK") \
                and not macro[1].endswith(("_H", "_DECLS")):
            group.macros.append((macro[1], macro[2] or ""))
    elif code.startswith("CEDE_API"):
        function = Function(code)
        if not function.name.startswith("cede__"):
            group.functions.append(function)
    elif named:
        group.types.append((named[2] or "enum", code))
