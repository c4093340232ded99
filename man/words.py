"""Sentences of header comments in the form that a manual page needs, and prototypes in fonts."""

import re

VERB = re.compile(r"(^|, and |, | and | or )([A-Za-z]+s)(?=(?: or | and )[a-z]+s\b|"
                  r" (?:it|them|a|an|the|all|what|for|fn|anew|[a-z])\b)")


def imperative(sentence):
    """`Takes a permit and hands it on` as `Take a permit and hand it on`."""
    def base(word):
        if word.lower() in ("is", "was", "has", "this", "its", "as", "others", "plus", "unless"):
            return word
        for ending, instead in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"),
                                ("xes", "x"), ("s", "")):
            if word.endswith(ending):
                return word[:-len(ending)] + instead
        return word
    first, _, rest = sentence.partition(" ")
    return VERB.sub(lambda m: m[1] + base(m[2]), f"{base(first)} {rest}".rstrip())


def lower(text):
    return text[:1].lower() + text[1:]


def begins_with_verb(sentence):
    return bool(re.match(r"(?!This|Its)[A-Z][a-z]+s\b", sentence))


def one_line(group):
    """The NAME line: the first sentence, up to where it becomes an explanation."""
    head = re.split(r"[:;]| \(| whose ", group.summary(), maxsplit=1)[0]
    return lower(imperative(head.replace("`", "").strip(" .,")))


def capital(text, names):
    word = re.match(r"\w*", text)[0]
    text = text if word in names or "_" in word else text[:1].upper() + text[1:]
    return text if text.endswith(".") else text + "."


def dedent(code):
    return re.sub(r"^ {8}", "    ", code, flags=re.M)


def prototype(function, width=72):
    """The lines of a synopsis."""
    indent = len(function.result) + len(function.name) + 1
    lines, current, room = [], f"\\fB{function.result}{function.name}(", width - indent
    used = 0
    for number, parameter in enumerate(function.parameters):
        last = number == len(function.parameters) - 1
        length = len(parameter) + 2
        if used and used + length > room:
            lines.append(current.rstrip() + "\\fR")
            current, used = " " * min(indent, 16) + "\\fB", 0
            room = width - min(indent, 16)
        name = re.match(r"(.*?\(\*)(\w+)(\).*)$|(.*?)(\w+)$", parameter)
        if parameter == "void":
            current += "void"
        elif name[2]:
            current += f"{name[1]}\\fI{name[2]}\\fB{name[3]}"
        else:
            current += f"{name[4]}\\fI{name[5]}\\fB"
        current += ");" if last else ", "
        used += length
    return lines + [current + "\\fR"]
