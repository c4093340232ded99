"""Manual pages in roff, by the macros of man(7), such that neither groff nor mandoc complains."""

import re
import textwrap


def escape(text):
    return text.replace("\\", "\\e").replace("^", "\\(ha").replace("~", "\\(ti")


class Page:
    def __init__(self, name, section, version, date):
        self.name, self.section = name, section
        self.lines = ['.\\" Generated from the public headers by man/generate.py.',
                      f'.TH {name.upper()} {section} "{date}" "cede {version}" "cede manual"',
                      ".ad l"]
        self.begun = False  # a section, in which no paragraph stands yet

    def text(self):
        return "\n".join(self.lines) + "\n"

    def heading(self, title):
        self.lines.append(f".SH {title}")
        self.begun = True

    def subheading(self, title):
        self.lines.append(f".SS {title}")
        self.begun = True

    def separate(self):
        if not self.begun:
            self.lines.append(".PP")
        self.begun = False

    def fill(self, text):
        """Lines of running text; a sentence begins on a line of its own."""
        for sentence in re.split(r"(?<=[.]) (?=\S)", text):
            for line in textwrap.wrap(sentence, 78, break_long_words=False,
                                      break_on_hyphens=False):
                # What would be taken for a request.
                self.lines.append("\\&" + line if line[0] in ".'" else line)

    def paragraph(self, text):
        """`text` is roff already."""
        self.separate()
        self.fill(text)

    def item(self, label, text):
        """An indented paragraph under a label; both are roff already."""
        self.lines += [".TP", label]
        self.fill(text)
        self.begun = False

    def code(self, text):
        self.separate()
        self.lines += [".RS 4", ".EX"]
        for line in text.split("\n"):
            line = escape(line).replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
            self.lines.append("\\&" + line if line.startswith(".") else line)
        self.lines += [".EE", ".RE"]

    def verbatim(self, lines):
        """Lines of roff, each on its own."""
        self.separate()
        self.lines += [".nf", *lines, ".fi"]
