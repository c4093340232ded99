"""A manual page for each group of functions, and one for each header, from what header.py read."""

import re
from header import CODES, sentences
from roff import Page, escape
from words import begins_with_verb, capital, dedent, imperative, lower, one_line, prototype

BLOCKING = "as for any blocking call"  # in a header: the shared text of each code is meant


class Manual:
    """All pages. errors: what base.h says a code means everywhere, {"-ENOMEM": text}."""

    def __init__(self, headers, version, date, examples):
        self.headers, self.version, self.date, self.examples = headers, version, date, examples
        self.errors = {}
        for header in headers:
            for block in header.intro if header.name == "base" else []:
                if block.kind == "code":
                    for line in block.content.split("\n"):
                        code, _, why = line.partition(" ")
                        self.errors[code] = why.strip()
        # What has a page, of its own or with others.
        self.places = {f.name for h in headers for f in h.functions()}
        self.places |= {m for h in headers for g in h.groups for m, _ in g.macros
                        if begins_with_verb(g.summary())}

    def home_of_macro(self, macro):
        """The function on whose page a static initialiser is."""
        function = macro.lower()
        if function == "cede_recursive_mutex_init":
            function = "cede_mutex_init_recursive"
        return function if function in self.places else None

    # Text

    def prose(self, text, own=(), names=()):
        """roff for a paragraph: names in italics or bold, with the section where they are found."""
        def mark(match):
            word = match[0]
            if word.startswith("`"):
                return f"\\fI{word[1:-1]}\\fR"
            if re.fullmatch(r"-E[A-Z]+", word):
                return f"\\fB\\{word}\\fR"
            if word.startswith("<"):
                return word
            name = word.rstrip("()")
            if word.endswith(".h"):
                return f"\\fB\\%cede_{word[:-2]}\\fR(7)" if word[:-2] in self.titles() else word
            if name in own or name not in self.places:
                return f"\\fB\\%{name}\\fR" + word[len(name):] \
                    if name.lower().startswith("cede_") else f"\\fI{name}\\fR" + word[len(name):]
            called = match.string[match.end():].startswith("(")  # in a piece of code
            return f"\\fB\\%{name}\\fR" + ("" if called else "(3)")

        # Single letters and fn are parameters, unless they are a plural's s or a unit.
        letters = [n for n in names if len(n) == 1 or n in ("fn", "arg") or n.startswith("ret_")]
        parameters = "".join(rf"|(?<![\w'])(?<!\d )\*?{n}\b(?!')" for n in letters)
        return re.sub(rf"`[^`]+`|(?<!\w)-E[A-Z]{{2,}}\b|<[a-z/]+\.h>|\b[a-z_]+\.h\b|"
                      rf"\bcede_\w+\b(?:\(\))?|\bCEDE_\w+\b{parameters}", mark, escape(text))

    def titles(self):
        return {header.name for header in self.headers}

    # Functions

    def synopsis(self, page, functions, macros=()):
        page.lines.append(".nf")
        page.lines.append("\\fB#include <cede.h>\\fR")
        page.lines.append("")
        for name, parameters in macros:
            page.lines.append(f"\\fB{name}\\fR" + re.sub(r"(\w+)", r"\\fI\1\\fR", parameters))
        for function in functions:
            page.lines += prototype(function)
        page.lines.append(".fi")
        page.begun = False

    def group_page(self, header, group):
        functions, macros = group.functions, group.macros
        for other in header.groups:
            macros = macros + [m for m in other.macros
                               if self.home_of_macro(m[0]) in [f.name for f in functions]]
        names = [f.name for f in functions] or [m[0] for m in macros]
        page = Page(names[0], 3, self.version, self.date)
        page.aliases = names[1:] + ([m[0] for m in macros] if functions else [])
        page.heading("NAME")
        page.fill(f"{', '.join(names + (page.aliases[len(names) - 1:]))} \\- "
                  f"{escape(one_line(group))}")
        page.heading("LIBRARY")
        page.paragraph("cede (\\fIlibcede\\fR, \\fI\\-lcede\\fR)")
        page.heading("SYNOPSIS")
        self.synopsis(page, functions, macros)
        own = set(names + page.aliases)
        parameters = {n for f in functions for n in f.names()}
        self.opening = group.summary()
        rest, result, errors = self.divide(group)
        page.heading("DESCRIPTION")
        first = True
        for block in rest:
            if block.kind == "code":
                page.code(block.content)
            else:
                text = block.content
                if first and functions:
                    page.paragraph(self.subject(functions) +
                                   self.prose(lower(text if len(functions) == 1 else
                                                    self.plural(text)), own, parameters))
                else:
                    page.paragraph(self.prose(text, own, parameters))
            first = False
        initialisers = " and ".join(f"\\fB\\%{name}\\fR()" for name, _ in macros if functions)
        if initialisers:
            page.paragraph(f"As the initialiser of a variable: {initialisers}.")
        for name, code in self.types_of(functions):
            page.paragraph(f"\\fI{name}\\fR is:")
            page.code(dedent(code))
        self.result(page, functions, result, errors, own, parameters)
        if errors:
            page.heading("ERRORS")
            for codes, why in errors:
                page.item(", ".join(f"\\fB\\{code}\\fR" for code in codes.split(", ")),
                          self.prose(capital(why, parameters), own, parameters))
        self.example(page, header, group, own)
        self.see_also(page, header, names[0], self.elsewhere(header, functions))
        return page

    def subject(self, functions):
        names = [f"\\fB\\%{f.name}\\fR()" for f in functions]
        return ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1] + " "

    def plural(self, text):
        first, *others = sentences(text)
        return " ".join([imperative(first), *others])

    def divide(self, group):
        """(what is described, sentences about the result, errors) of a comment."""
        rest, result, errors = [], [], {}
        fallible = [f for f in group.functions if f.result == "int "]
        for position, block in enumerate(group.comment):
            if block.kind == "errors":
                for codes, why in block.content:
                    self.add_error(errors, codes, why)
                continue
            if block.kind == "code":
                rest.append(block)
                continue
            kept = []
            for number, sentence in enumerate(sentences(block.content)):
                error = re.match(rf"({CODES}): (.*)", sentence)
                if error and fallible:
                    self.add_error(errors, error[1], error[2])
                elif sentence.startswith("0: "):
                    result.append(sentence)
                elif re.match(r"Returns\b", sentence) and (position or number):
                    result.append(sentence)
                else:
                    kept.append(sentence)
                if fallible and not error and re.search(r"\bfails?\b|^Returns", sentence):
                    for code in re.findall(r"-E[A-Z]{2,}", sentence):
                        errors.setdefault(code, None)
            if kept:
                block.content = " ".join(kept)
                rest.append(block)
        return rest, result, [(code, self.shared(why, code)) for code, why in errors.items()]

    def add_error(self, errors, codes, why):
        if why.rstrip(".") == BLOCKING:
            for code in codes.split(", "):
                errors[code] = None
        else:
            errors[codes] = why

    def shared(self, why, code):
        return why if why is not None else self.errors.get(code, "")

    def result(self, page, functions, result, errors, own, parameters):
        kinds = {f.name: "void" if f.result == "void " else
                 "code" if f.result == "int " and (errors or result) else "value"
                 for f in functions}
        if not functions or set(kinds.values()) == {"void"}:
            return
        page.heading("RETURN VALUE")
        fallible = [f for f in functions if kinds[f.name] == "code"]
        success = [s[3:] for s in result if s.startswith("0: ")]
        values = "What is described above."
        if self.opening.startswith("Returns ") and set(kinds.values()) == {"value"}:
            values = capital(self.opening[8:], parameters)
        said = " ".join(s for s in result if not s.startswith("0: "))
        if said:
            said = re.sub(r"(, or)?:$", ".", said)
            page.paragraph(self.prose(said, own, parameters))
        elif success:
            page.paragraph("0 on success: " + self.prose(success[0], own, parameters))
        elif fallible:
            only = "" if len(fallible) == len(functions) else self.subject(fallible)
            returns = "return" if fallible[1:] else "returns"
            page.paragraph(f"{only}{returns} 0 on success." if only else "0 on success.")
        else:
            page.paragraph(self.prose(values, own, parameters))
        if errors:
            page.fill("On failure, one of the negative error codes below; \\fIerrno\\fR is neither "
                      "read nor written.")

    def types_of(self, functions):
        """Structures and enumerations that the functions take, and that are the caller's to use."""
        found = []
        for header in self.headers:
            for name, code in (t for group in header.groups for t in group.types):
                kind = code.split()[0]
                if any(re.search(rf"\b{kind} {name}\b", p) for f in functions
                       for p in f.parameters) and (kind == "enum" or
                                                   name.endswith(("_options", "_stats"))):
                    found.append((f"{kind} {name}", code))
        return found

    def example(self, page, header, group, own):
        """The header's piece of code that uses one of the functions, and programs that do."""
        def uses(text):
            return any(re.search(rf"\b{name}\b", text) for name in own)
        shown = [b.content for b in header.intro if b.kind == "code" and ";" in b.content]
        shown = [code for code in shown if uses(code)][:1]
        programs = [name for name, text in self.examples.items() if uses(text)]
        programs.sort(key=lambda name: len(self.examples[name]))  # the shortest explain most
        if any(b.kind == "code" for b in group.comment):
            shown = []
        if not shown and not programs:
            return
        page.heading("EXAMPLES" if shown and programs else "EXAMPLE")
        for code in shown:
            page.code(code)
        if programs:
            listed = ", ".join(f"\\fI\\%{name}\\fR" for name in programs[:3])
            page.paragraph(f"Whole programs: {listed}, among the examples that come with the "
                           "library." if len(programs) > 1 else
                           f"A whole program: {listed}, among the examples that come with the "
                           "library.")

    def elsewhere(self, header, functions):
        """(functions that make what these take, names of headers that declare what these use)."""
        def named(texts):
            return {name for text in texts
                    for name in re.findall(r"\b(?:struct|enum) (cede_\w+)", text)}

        taken = named(p for f in functions for p in f.parameters)
        used = taken | named(f.result for f in functions)
        own = {name for group in header.groups for name, _ in group.types}
        makers, homes = [], []
        for other in self.headers:
            if other is header:
                continue
            makers += [f.name for f in other.functions()
                       if f.result.strip() in {f"struct {name}" for name in taken & own}]
            if used & {name for group in other.groups for name, _ in group.types}:
                homes.append(other.name)
        return makers, homes

    def see_also(self, page, header, name, elsewhere):
        makers, homes = elsewhere
        page.heading("SEE ALSO")
        others = [group.functions[0].name for group in header.groups if group.functions] + makers
        listed = [f"\\fB\\%{other}\\fR(3)" for other in sorted(others) if other != name]
        listed += [f"\\fB\\%cede_{home}\\fR(7)" for home in [header.name, *sorted(homes)]]
        page.fill(", ".join([*listed, "\\fBcede\\fR(7)"]))

    # Headers

    def header_page(self, header):
        page = Page(f"cede_{header.name}", 7, self.version, self.date)
        page.aliases = []
        page.heading("NAME")
        page.fill(f"{page.name} \\- {escape(lower(header.summary()))}")
        page.heading("SYNOPSIS")
        page.paragraph(f"\\fB#include <cede/{header.name}.h>\\fR")
        page.heading("DESCRIPTION")
        for block in header.intro:
            if block.kind == "code":
                page.code(block.content)
                continue
            title = re.match(r"([A-Z][a-z-]+(?: [a-z-]+)?)\. (?=[A-Z])", block.content)
            if title:
                page.subheading(title[1])
            page.paragraph(self.prose(block.content[title.end() if title else 0:]))
        groups = [g for g in header.groups if g.functions or g.macros and g.comment
                  and begins_with_verb(g.summary())]
        if any(g.functions for g in groups):
            page.heading("FUNCTIONS")
        for group in groups:
            names = [f.name for f in group.functions]
            if names:
                page.item(", ".join(f"\\fB{name}\\fR(3)" for name in names),
                          escape(one_line(group)))
        macros = [(m, g) for g in header.groups for m in g.macros]
        if macros:
            page.heading("MACROS")
        for (name, parameters), group in macros:
            why = group.summary() or self.explained(name)
            page.item(f"\\fB{name}\\fR{escape(parameters)}" +
                      ("(3)" if not parameters and name in self.places else ""),
                      self.prose(why) if why else "")
        types = [group for group in header.groups if group.types and not any(
            "fields belong" in str(block.content) for block in group.comment)]
        if types:
            page.heading("TYPES")
        for group in types:
            for block in group.comment:
                page.paragraph(self.prose(block.content))
            for _, code in group.types:
                page.code(dedent(code))
        page.heading("SEE ALSO")
        page.fill("\\fBcede\\fR(7)")
        return page

    def explained(self, macro):
        home = self.home_of_macro(macro)
        return f"A static initialiser; see {home}." if home else ""

    def parts(self):
        """The list of headers for cede(7), as roff."""
        page = Page("parts", 7, "", "")
        page.lines = []
        for header in self.headers:
            if header.name != "cede":
                page.item(f"\\fBcede_{header.name}\\fR(7)", capital(header.summary(), ()))
        return "\n".join(page.lines)

    def whole_example(self):
        """The program in cede.h, as roff."""
        page = Page("example", 7, "", "")
        page.lines, page.begun = [], True
        for header in self.headers:
            for block in header.intro if header.name == "cede" else []:
                if block.kind == "code":
                    page.code(block.content)
        return "\n".join(page.lines)
