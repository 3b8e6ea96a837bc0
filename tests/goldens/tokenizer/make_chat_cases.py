#!/usr/bin/env python3
"""Renders chat templates with transformers, for chat_template_test.cpp to compare with.

    make_chat_cases.py OUT [--data DIR] [--own]     writes OUT/chat.json

The templates are those of trl's folder of real models' templates, that inside the SmolLM2 GGUF, and
snippets written here for one construct each; --own leaves only these. A case that transformers refuses has no "expected".
"""

import argparse
import json
import os
import pathlib

from transformers.utils.chat_template_utils import render_jinja_template

CONVERSATIONS = {
    "one": [("user", "What is 2 + 2?")],
    "system": [("system", "  You are terse.\n"), ("user", " Hi! "), ("assistant", "Hello.\n")],
    "turns": [
        ("user", "Erzähl mir etwas über 漢字 🙂"),
        ("assistant", "<think>\nHmm, \"why\"?\n</think>\n\nEin Zeichen."),
        ("user", "And `code`:\n\tx = {1: 'a'} # {{ }}"),
        ("assistant", "Right <|im_end|> & <b>"),
        ("user", "bye"),
    ],
    "assistant last": [("user", "a"), ("assistant", "b"), ("user", ""), ("assistant", "")],
    "two users": [("user", "a"), ("user", "b")],
    "empty": [],
}

VARIABLES = {
    "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "date_string": "01 Jan 2025",
    "unk_token": "<unk>",
}

SNIPPETS = r"""
{{ 1 + 2 * 3 - 4 // 3 }} {{ 7 % 3 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2.5 * 2 }} {{ 1 / 4 }}
{{ 'a' 'b' ~ 1 ~ none ~ true ~ 1.5 ~ [1, 'x', none, "it's"] ~ {'a': 1} }}
{{ 'tab\tnew\nline\\ \'q\' \x41 é \d' }}
{{ true and 'x' or 'y' }}|{{ none or '' or 0 or 'z' }}|{{ not 1 == 2 }}|{{ not none }}
{{ 'a' if false else 'b' }}|{{ 'a' if false }}|{{ 1 if 1 else 2 if 2 else 3 }}
{{ 2 in [1, 2] }} {{ 'x' not in 'abc' }} {{ 'b' in {'b': 1} }} {{ 'é漢' in 'aé漢b' }}
{{ [1,2,3,4][1:] }} {{ [1,2,3,4][::-1] }} {{ 'aé漢z'[1:3] }} {{ 'abc'[-1] }} {{ [1,2,3][:-1] }} {{ 'abcdef'[::2] }} {{ [1,2,3][5:] }} {{ 'abc'[-10:10] }}
{{ undefined_name }}|{{ undefined_name is defined }}|{{ {'a': 1}.b is undefined }}|{{ undefined_name | default('d') }}|{{ '' | default('e', true) }}
{{ ' a b ' | trim }}|{{ 'aXbX' | replace('X', '') }}|{{ 'hELLO wORLD' | capitalize }}|{{ 'hello wORLD' | title }}|{{ 'aB' | upper }}{{ 'aB' | lower }}
{{ [1, 2, 3] | join(', ') }}|{{ ['a', 'b'] | first }}{{ 'xyz' | last }}|{{ 'aé' | length }}|{{ {'a': 1, 'b': 2} | length }}|{{ [] | count }}
{{ {'b': [1, 2.5, none, true, 'x"é\n'], 'a': {}, 'c': []} | tojson }}
{{ {'b': [1, {'x': 2}], 'a': {}} | tojson(indent=2) }}
{{ 'a,b,,c'.split(',') }}|{{ ' a  b '.split() }}|{{ 'a::b::c'.split('::', 1) }}|{{ 'x</think>y'.split('</think>')[-1] }}
{{ '  x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xxa'.lstrip('x') }}|{{ 'a\n\n'.rstrip('\n') }}|{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith('bc') }}
{{ {'a': 1}.get('a') }}{{ {'a': 1}.get('b') }}{{ {'a': 1}.get('b', 'c') }}|{% for k, v in {'x': 1, 'y': [2]}.items() %}{{ k }}={{ v }};{% endfor %}
{% for x in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}
{% for x in [] %}a{% else %}none{% endfor %}|{% for x in range(10) if x % 3 == 0 %}{{ x }}{{ loop.last }}{% endfor %}|{% for c in 'aé' %}{{ c }}.{% endfor %}
{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}
{% set ns = namespace(n=0, s='') %}{% for i in [1,2,3] %}{% set ns.n = ns.n + i %}{% set ns.s = ns.s ~ i %}{% endfor %}{{ ns.n }}{{ ns.s }}
{% macro m(a, b='y') %}[{{ a }}{{ b }}{{ g }}]{% endmacro %}{% set g = 'G' %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m() }}
{% set block %}a{{ 1 + 1 }}b{% endset %}{{ block | upper }}|{% set a, b = 1, [2] %}{{ a }}{{ b }}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}
{{ 1 is number }}{{ 'a' is string }}{{ {} is mapping }}{{ [] is sequence }}{{ 'a' is iterable }}{{ none is none }}{{ 1 is not none }}{{ true is boolean }}{{ true is true }}{{ 2 is even }}{{ 3 is odd }}{{ 1.5 is float }}{{ 6 is divisibleby 3 }}{{ 1 is eq 1 }}
{{ [{'a': 1, 'b': 'x'}, {'a': 2}] | selectattr('a', 'equalto', 2) | list }}|{{ [{'a': 1}, {'a': 0}] | map(attribute='a') | join('-') }}|{{ ['A', 'b'] | map('lower') | list }}|{{ [1, none, 'x'] | select('string') | list }}|{{ [0, 1, 2] | reject | list }}|{{ [0, 1] | select | list }}
{% for k, v in {'b': 1, 'A': 2} | dictsort %}{{ k }}{{ v }}{% endfor %}|{{ range is defined }}|{{ [3, 1] | reverse | list }}|{{ 'abc' | reverse }}|{{ '12' | int + 1 }}{{ 'x' | int }}{{ '1.5' | float }}|{{ [1, 1, 2] | unique | list }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 5 | string ~ 6 }}|{{ -3 | abs }}
{{ ('a', 'b') | length }}|{{ ((1 + 2) * 3) }}|{{ -(3) }}|{{ 'x' * 3 }}|{{ [1] + [2] }}|{{ 'a' == 'a' and 1 != 2 and 3 >= 3 and 'a' < 'b' }}
{% if undefined_name %}a{% elif 0 %}b{% elif [] %}c{% elif '0' %}d{% else %}e{% endif %}
{{- 'x' -}}   y   {{- 'z' }}  {%- if true -%}  w  {%- endif +%} end
a   {# comment #}   b {#- c -#} d
{{ messages[0]['content'][:3] }}{{ messages[-1].role }}{{ messages | length }}{{ messages[0].nothing }}
{{ 'unbalanced }}' }}{{ '{{' }}{{ {'a': {'b': 2}}.a.b }}{{ [[1, 2], [3]][0][1] }}
{{ raise_exception('no ' ~ 1) }}
{{ undefined_name.attribute }}
{{ 'a' + 1 }}
{% generation %}g{{ 1 }}{% endgeneration %}
{{ loop is defined }}{{ none is defined }}{{ (none) is none }}{{ 1 in (1, 2) }}{{ not 1 in [2] }}{{ 'abc' | length > 2 }}
{{ '%s' | replace('%s', 'x') }}{{ ['b', 'a'][1] ~ ('c' if 1 > 0 else 'd') }}{{ "double 'quoted'" }}{{ 1 if messages else 2 }}
"""

LAYOUT = [
    "{% if true %}\n  a\n{% endif %}\nb\n",
    "  {% if true %}  \n  a {% endif %}\n\n  {# c #}\n  b\n\n",
    "x\n\t{%- for i in [1, 2] %}\n\t {{ i }}\n\t{%- endfor -%}\n\n z",
    "{% for i in [1,2] -%}\n   {{ i }}\n{% endfor %}",
    "\r\n{% set x = 1 %}\r\n{{ x }}\r\nend\r\n",
    "  {%+ if true %}a{%+ endif %}  {{ 1 }}\n  {{ 2 }}\n",
    "{{ 'a\nb' }}\n{{- 1 -}}\n{{ 2 }}",
    "{% if true +%}\nkept{% endif %}",
    "a { b } {% if 1 %}{{{'a':1}['a']}}{% endif %} {",
    "",
    "\n",
    "\n\n",
]


def render(template, messages, variables, add_generation_prompt):
    try:
        rendered, _ = render_jinja_template(
            conversations=[messages],
            chat_template=template,
            add_generation_prompt=add_generation_prompt,
            **variables,
        )
        return rendered[0]
    except Exception:  # whatever it raises, it refuses
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("HONE_TEST_DATA"))
    parser.add_argument("--own", action="store_true")
    arguments = parser.parse_args()

    templates = {f"snippet {i}": s for i, s in enumerate(SNIPPETS.strip("\n").split("\n"))}
    templates |= {f"layout {i}": s for i, s in enumerate(LAYOUT)}
    try:
        if arguments.own:
            raise ImportError
        import trl

        for path in sorted((pathlib.Path(trl.__file__).parent / "chat_templates").glob("*.jinja")):
            templates[f"trl/{path.name}"] = path.read_text()
    except ImportError:
        pass
    model = pathlib.Path(arguments.data or "/nonexistent") / "smollm2"
    model /= "SmolLM2-135M-Instruct.Q4_1.gguf"
    if model.exists() and not arguments.own:
        from gguf import GGUFReader

        field = GGUFReader(str(model)).fields["tokenizer.chat_template"]
        templates["SmolLM2"] = field.contents()

    cases = []
    for name, template in templates.items():
        made = not (name.startswith("trl/") or name == "SmolLM2")
        for title, turns in CONVERSATIONS.items():
            if made and title != "system":
                continue
            messages = [{"role": role, "content": content} for role, content in turns]
            for prompt in (True,) if made else (False, True):
                case = {
                    "name": f"{name}, {title}, {'open' if prompt else 'closed'}",
                    "template": template,
                    "messages": messages,
                    "variables": VARIABLES,
                    "add_generation_prompt": prompt,
                }
                expected = render(template, messages, VARIABLES, prompt)
                if expected is not None:
                    case["expected"] = expected
                cases.append(case)
    (arguments.out / "chat.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0 if arguments.own else None))
    print(len(cases), "cases,", len(templates), "templates")


if __name__ == "__main__":
    main()
