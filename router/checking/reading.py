"""The pages of what the library's reader finds; see `router.library`."""

from __future__ import annotations

from router.checking.subject import Check

CHECKS = (
    Check(
        "R001",
        "file that cannot be read",
        "error",
        """\
The file is missing, is no regular file, is over 1 MB or 20,000 lines, may not be opened, lies
outside of the library (also by a link), or has invisible characters in its name. A library may
come from a stranger: only regular files within it are read.
""",
    ),
    Check(
        "R002",
        "file that is no text",
        "error",
        """\
The file is not UTF-8, or has a NUL byte. Save it as UTF-8. Files of other tools are read all
the same where that can be done: as UTF-16, or with the few bytes replaced that are no text.
""",
    ),
    Check(
        "R003",
        "byte order mark",
        "warning",
        """\
The file starts with the bytes EF BB BF, which some editors put there. Many tools then do not
see the front matter. `--fix` takes them away.
""",
    ),
    Check(
        "R004",
        "front matter that is never closed",
        "error",
        """\
The file starts with `---`, and no second line `---` ends it. Add one after the last key. In
files of other tools the front matter is taken to end at the first empty line or heading.
""",
    ),
    Check(
        "R005",
        "front matter that cannot be read",
        "error",
        """\
The front matter is no YAML (or the file no TOML), and its keys cannot be told apart either, or
it is a list or a single value. Write `key: value` lines.
""",
    ),
    Check(
        "R006",
        "front matter that had to be recovered",
        "warning",
        """\
YAML refuses the value as it stands, mostly for a `: ` in it, a quote that is not closed, or a
first character such as `*`, `@` or `[`. It was read as plain text. Hosts do otherwise: some
drop the key, some the file. Put the value in quotes; `--fix` does where it is in one line.

    description: Reviews code: style, naming      # refused
    description: 'Reviews code: style, naming'
""",
    ),
    Check(
        "R007",
        "front matter that is not accepted",
        "error",
        """\
The YAML uses aliases, tags or merges, nests deeper than 20 levels, is over 64 KB, or has a
number or an escape that is none. A few such lines can take all memory. Write plain values.
""",
    ),
    Check(
        "R008",
        "key that appears twice",
        "error",
        """\
The front matter has the same key twice. YAML parsers keep one of them, not all the same one.
Delete one.
""",
    ),
    Check(
        "R009",
        "key or value that is unknown",
        "error",
        """\
An agent or prompt of ours has a key that is none but looks like one, or a value that a key does
not take. Keys of other tools are kept and not looked at.
""",
    ),
    Check(
        "R010",
        "front matter in a wrong place",
        "warning",
        """\
The front matter stands behind something else, in a code fence, or without the lines `---`
around it. It was read all the same; most tools do not see it. Put it at the very top, between
two lines `---`.
""",
    ),
    Check(
        "R011",
        "template that does not render",
        "error",
        """\
The body is a Jinja2 template that is wrong, uses what is not allowed (see *Templates* in the
README), or grows or runs without bound. A text that is meant as it stands, such as `{{ name
}}`, goes between `{% raw %}` and `{% endraw %}`; a whole file with `template: none` in its
front matter.
""",
    ),
    Check(
        "R012",
        "undefined variable",
        "error",
        """\
The template prints a variable that nobody defines. Define it in `project.yaml`, or test it
first:

    {% if schema.project.team %}{{ schema.project.team }}{% endif %}
""",
    ),
    Check(
        "R013",
        "code fence or HTML block that is never closed",
        "warning",
        """\
What follows in the context would be part of it: the next prompt, or the task. It is closed when
the file is read; `--fix` adds the closing line to the file.
""",
    ),
    Check(
        "R014",
        "no agent files",
        "error",
        """\
The folder has nothing that could be a route: no `agents/*.md`, and no file of a format that is
known. Is it the folder that you meant?
""",
    ),
    Check(
        "R015",
        "settings that cannot be read",
        "error",
        """\
`project`, `languages` or `agents` in `project.yaml` are not what templates count on: a mapping
with `name` and `description`, a list, and a list or mapping.
""",
    ),
    Check(
        "R016",
        "routing that cannot be read",
        "error",
        """\
`routing` in `project.yaml` has an unknown key or a number out of its range. `route tune` writes
it.
""",
    ),
    Check(
        "R017",
        "labelled task that cannot be used",
        "warning",
        """\
A line of `tasks/*.jsonl` is no JSON, names a rule that is not there, or says other than a later
one. It is left out. A line is `{"task": "…", "expect": "agent/rule"}`.
""",
    ),
    Check(
        "R018",
        "route.toml that cannot be read",
        "error",
        """\
`[check]` in `route.toml` has an unknown key, a value of the wrong kind, or an entry of `ignore`
without a code that is known and a reason:

    [check]
    ignore = [{ code = "R044", path = "prompts/archive/*", reason = "kept for the record" }]

`path` is a pattern in which `*` is anything; without it the code is silenced everywhere.
""",
    ),
    Check(
        "R019",
        "entry of ignore that silences nothing",
        "advice",
        """\
What it silenced has gone. Delete it, so that it does not hide the next one.
""",
    ),
    Check(
        "R020",
        "file that says nothing",
        "warning",
        """\
The file has neither a body nor a description: there is nothing to route by. It is left out.
""",
    ),
    Check(
        "R030",
        "no name",
        "warning",
        """\
The format needs a `name` in the front matter, and there is none; the file or its folder gives
one. Hosts that need it leave the file out. `--fix` adds it where there is front matter.
""",
    ),
    Check(
        "R031",
        "name that is taken",
        "error",
        """\
Two agents have the same name, so that their routes have the same ids. In a library of ours that
is an error. Of other tools' files the first in order of paths keeps the name, the others are
called by their place until they are renamed.
""",
    ),
    Check(
        "R032",
        "name that is not allowed",
        "error",
        """\
The name of an agent of ours begins with a letter, digit or `_` and has only those, spaces, `.`
and `-`, 100 characters at most: it is the first half of its routes' ids.
""",
    ),
    Check(
        "R034",
        "no description",
        "warning",
        """\
The format needs a `description`, and there is none. It is what hosts choose by. The first
paragraph or heading of the body is taken instead.
""",
    ),
    Check(
        "R041",
        "link that leads outside",
        "error",
        """\
A Use links to a file outside of the library, by `..` or from the root of the disk. Move the
file into the library, so that it goes where the library goes.
""",
    ),
    Check(
        "R042",
        "link that is no file",
        "error",
        """\
A Use links to an address. A context is put together from files of the library, without a
network.
""",
    ),
    Check(
        "R043",
        "too many prompts",
        "error",
        """\
A rule's Use links to more than 30 prompts. That is no choice any more: split the rule.
""",
    ),
    Check(
        "R046",
        "includes that cannot be followed",
        "error",
        """\
`includes` in the front matter of a prompt lists other prompts that come with it, as files relative
to it: `includes: [style.md]`. They must not lead back to the prompt itself, nor be more than eight
deep; what several prompts include comes once.
""",
    ),
    Check(
        "R048",
        "variables that cannot be used",
        "error",
        """\
`variables`, in `project.yaml` for all prompts or in the front matter of one, defines what a prompt
with `template: jinja` may print, one `name: value` a line. `schema` and `agent` are taken.
""",
    ),
    Check(
        "R050",
        "rule without When",
        "error",
        """\
A rule is found by its When. Without one nothing leads to it.

    **When**: Queries are slow, or the database is
""",
    ),
    Check(
        "R051",
        "rule without Use",
        "error",
        """\
A rule hands on the prompts that its Use links to. There is none, or no link in it.

    **Use**: [Query Analysis](../prompts/query-analysis.md) + [Indexing](../prompts/indexing.md)
""",
    ),
    Check(
        "R052",
        "unknown field of a rule",
        "warning",
        """\
A rule has When, Use, Rationale, Not when and Examples. What stands behind another bold word
with a colon is not read.
""",
    ),
    Check(
        "R053",
        "field of a rule that appears twice",
        "error",
        """\
A rule has the same field twice. Make it one, or two rules.
""",
    ),
    Check(
        "R054",
        "title of a rule that appears twice",
        "error",
        """\
Two rules of one agent have the same title, and so the same id. Rename one.
""",
    ),
    Check(
        "R055",
        "selection section without rules",
        "error",
        """\
*Dynamic Prompt Selection* has no heading below it, or stands in a code fence or comment, where
it is not read. A rule is `### Title` with When and Use.
""",
    ),
    Check(
        "R056",
        "rationale that opens a block",
        "warning",
        """\
The rationale opens a code fence or an HTML block, which would swallow what follows it in a
context. It is left out. Write a sentence.
""",
    ),
)
