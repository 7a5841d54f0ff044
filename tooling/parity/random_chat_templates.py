"""Odd chat templates with what transformers makes of them, one JSON object a line.

    python tooling/parity/random_chat_templates.py SEED COUNT > templates.jsonl

Each line: template, variables, and expected (the text) or error (transformers refuses it). The recorded subset,
packages/tokenizer/test/fixtures/random-chat-templates.json, is SEED 7; check all of them with random_tokenizers.mjs.
"""
import json, random, sys, warnings
from transformers.utils.chat_template_utils import _compile_jinja_template

warnings.simplefilter('ignore')
seed, count = int(sys.argv[1]), int(sys.argv[2])
random.seed(seed)
pick = random.choice

VARIABLES = {
    'messages': [
        {'role': 'system', 'content': 'Be brief. ✓ 😀x'},
        {'role': 'user', 'content': '  Hello, "you" & <b>it\'s</b>\n\nTwo\tlines\r\n  '},
        {'role': 'assistant', 'content': '<think>\nhm é\n</think>\n\nYes, ok', 'reasoning_content': 'because', 'tool_calls': [
            {'type': 'function', 'function': {'name': 'get_weather', 'arguments': {'city': 'Zürich', 'days': 3, 'scale': 1.5, 'flags': [True, None], 'nested': {}}}}]},
        {'role': 'tool', 'name': 'get_weather', 'content': '{"a": 1}'},
        {'role': 'user', 'content': [{'type': 'image'}, {'type': 'text', 'text': 'and this?'}]},
        {'role': 'assistant', 'content': None},
    ],
    'tools': [{'type': 'function', 'function': {'name': 'f', 'description': 'd\u00e9 <x>', 'parameters': {'type': 'object', 'properties': {'b': {'type': 'string', 'enum': ['x', 'y']}, 'a': {'type': ['number', 'null']}}, 'required': []}}}],
    'documents': None, 'add_generation_prompt': True, 'bos_token': '<s>', 'eos_token': '</s>',
    'n': -7, 'm': 3, 'x': 2.5, 'big': 12345.678, 'tiny': 0.00001, 'words': ['beta', 'Alpha', 'gamma', 'alpha', 'Beta'], 'numbers': [3, 1, 2, 2, -5], 'floats': [0.1, 2.5, -1.5, 1e16, 3.5],
    'd': {'b': 1, 'a': 'two', 'items': [1, 2], 'None': None}, 'empty': [], 'text': 'Straße ΣΑΣ naïve_case fOo bar-baz', 'flag': False, 'nothing': None, 'name': 'it’s',
}
TEXTS = ['text', 'name', "messages[0].content", "messages[1]['content']", "messages[2].content", 'bos_token', "'a,b,,c'", "'  pad  '", "'xXx'", "d.a", "'%s-%d' % ('a', 3)", "'é😀z'", "''", "'a\\nb\\n'"]
NUMBERS = ['n', 'm', '0', '1', '2', '-1', 'x', 'big', '7', '1.0', '10', 'tiny', 'words|length', '0.5', 'true']
LISTS = ['messages', 'words', 'numbers', 'floats', 'empty', "'a b c'.split()", 'tools', '[1, "a", none, true, 2.0]', '(1, 2)', 'range(4)', 'words[1:]', 'd', 'd.items()', 'messages[2].tool_calls', '[[1, 2], [3, 4]]', "messages[4].content"]
ANY = ['nothing', 'flag', 'missing', 'd', 'd.items', 'tools', 'messages[5].content', 'messages[2].tool_calls[0].function.arguments', 'd.b', "d['items']", 'd.zz', '{"k": [1, "v\'"], 2: none}', '[]', '{}', 'none', 'true', 'loop', 'documents']

def text(depth=0):
    if depth > 2 or random.random() < 0.4: return pick(TEXTS)
    a = text(depth + 1)
    return pick([
        lambda: f'{a}.strip()', lambda: f"{a}.lstrip({pick(['', chr(39)+'a b'+chr(39)])})", lambda: f"{a}.rstrip('\\n')", lambda: f'{a}.upper()', lambda: f'{a}.lower()', lambda: f'{a}.title()', lambda: f'{a}.capitalize()',
        lambda: f"{a}.split({pick(['', chr(39)+','+chr(39), chr(39)+'</think>'+chr(39)])})[{pick(['0', '-1'])}]", lambda: f"{a}.replace({pick(['@a@','@@','@s@'])}, {pick(['@@','@__@'])})",
        lambda: f'({a})[{pick(["0", "-1", "1:", ":-1", "::-1", "2:5", "::2", "-3:"])}]', lambda: f'({a} ~ {any_value(depth+1)})', lambda: f'({a} + {text(depth+1)})', lambda: f'({a} * 2)',
        lambda: f'{a}|{pick(["trim", "upper", "lower", "title", "capitalize", "escape", "e", "length", "first", "last", "reverse", "wordcount", "string", "safe", "urlencode", "striptags", "list", "int", "float"])}',
        lambda: f"{a}|replace({pick(['@a@','@l@','@ @'])}, 'Q')", lambda: f'{a}|indent({pick(["", "2", "2, true", "first=true", "4, blank=true"])})', lambda: f'{a}|default("D", {pick(["true", "false"])})', lambda: f'{a}|truncate({pick(["5", "10, true", "8, false, @…@", "9, leeway=0"])})', lambda: f'{a}|center(20)',
        lambda: f'{a}|tojson', lambda: f"{a}.startswith({pick(['@a@','@Be@','@@'])})", lambda: f"{a}.find('a')", lambda: f"{a}.count('a')", lambda: f'{a}.splitlines()', lambda: f"{a}.partition(' ')", lambda: f"{a}.rsplit(' ', 1)", lambda: f'{a}.isdigit()', lambda: f'{a}.isupper()', lambda: f'{a}.swapcase()', lambda: f"{a}.zfill(12)", lambda: f"{a}.removeprefix('<think>')", lambda: f"', '.join({items(depth+1)})", lambda: f"'{{}}-{{}}'.format({a}, {number(depth+1)})", lambda: f"{a}.casefold()", lambda: f"{a}.center(15, '*')", lambda: f"{a}.ljust(9) ~ '|'", lambda: f"{a}.expandtabs(4)", lambda: f"{a}.split(' ', 1)", lambda: f"{a}.endswith(('a', 'e'))",
    ])()

def number(depth=0):
    if depth > 2 or random.random() < 0.4: return pick(NUMBERS)
    a, b = number(depth + 1), number(depth + 1)
    return pick([
        lambda: f'({a} {pick(["+", "-", "*", "/", "//", "%", "**"])} {b})', lambda: f'-{a}', lambda: f'({a})|abs', lambda: f'({a})|round({pick(["", "1", "0", "2, @floor@", "0, @ceil@", "-1"])})', lambda: f'({a})|int', lambda: f'({a})|float', lambda: f'{items(depth+1)}|length', lambda: f'{items(depth+1)}|sum', lambda: f'{items(depth+1)}|count', lambda: f'({a} if {test(depth+1)} else {b})', lambda: f'({a} if {test(depth+1)})', lambda: f'{items(depth+1)}|{pick(["max", "min"])}',
    ])()

def items(depth=0):
    if depth > 2 or random.random() < 0.45: return pick(LISTS)
    a = items(depth + 1)
    return pick([
        lambda: f'{a}|list', lambda: f'{a}|reverse|list', lambda: f"{a}|sort{pick(['', '(reverse=true)', '(case_sensitive=true)'])}", lambda: f"{a}|map('{pick(['upper', 'string', 'length', 'trim', 'tojson', 'int'])}')|list", lambda: f"{a}|map(attribute='{pick(['role', 'content', 'function.name', 'zz', '0'])}'{pick(['', ', default=1'])})|list",
        lambda: f"{a}|selectattr('role', 'equalto', 'user')|list", lambda: f"{a}|rejectattr('role', 'in', ['user', 'tool'])|list", lambda: f"{a}|select('{pick(['string', 'odd', 'defined', 'mapping'])}')|list", lambda: f'{a}|select|list', lambda: f"{a}|reject('none')|list", lambda: f'{a}|unique|list', lambda: f'{a}|batch(2, "-")|list', lambda: f'{a}|slice(2)|list', lambda: f'({a})[{pick(["1:", ":2", "::-1", "-2:"])}]', lambda: f'({a} + [1])', lambda: f'd|dictsort({pick(["", "reverse=true", "by=@value@"])})', lambda: f'd|items|list', lambda: f'd.{pick(["keys", "values", "items"])}()|list', lambda: f"messages|groupby('role')", lambda: f'{a}|map(attribute="role")', lambda: f'[{any_value(depth+1)}, {any_value(depth+1)}]', lambda: f'{a}|selectattr("content")|map(attribute="content")|list',
    ])()

def any_value(depth=0):
    return pick([lambda: pick(ANY), lambda: pick(ANY), lambda: text(depth), lambda: number(depth), lambda: items(depth), lambda: test(depth), lambda: f'{items(depth)}|tojson({pick(["", "indent=2", "sort_keys=true", "ensure_ascii=true", "separators=(@,@, @:@)"])})', lambda: f'{pick(ANY)}|tojson', lambda: f'{items(depth)}|{pick(["first", "last"])}', lambda: f'{items(depth)}|join({pick(["", "@, @", "@-@, attribute=@role@"])})', lambda: f'{pick(ANY)}|default({text(2)}, true)', lambda: f'({pick(ANY)} {pick(["or", "and"])} {pick(ANY)})', lambda: f'{pick(["d", "messages[0]"])}.get("{pick(["b", "role", "q"])}"{pick(["", ", 5"])})', lambda: f'{pick(ANY)}|string', lambda: f'messages[{pick(["0", "-1", "2", "9"])}].{pick(["role", "content", "name"])}', lambda: f'dict(a={pick(NUMBERS)})', lambda: f'"%s|%r|%5.1f|%-4d|%03d" % ({any_value(depth+1)}, {pick(TEXTS)}, x, m, m)' if depth < 2 else 'x'])()

def test(depth=0):
    if depth > 2: return 'flag'
    return pick([
        lambda: f'{pick(ANY)} is {pick(["", "not "])}{pick(["defined", "none", "string", "mapping", "iterable", "sequence", "number", "true", "false", "boolean", "integer", "float", "undefined", "callable"])}', lambda: f'{number(depth+1)} {pick(["<", ">", "<=", ">=", "==", "!="])} {number(depth+1)}', lambda: f'{text(depth+1)} {pick(["==", "!=", "<", ">"])} {text(depth+1)}', lambda: f'{text(depth+1)} {pick(["in", "not in"])} {text(depth+1)}', lambda: f'"role" in {pick(ANY + LISTS)}', lambda: f'{any_value(2)} in {items(depth+1)}', lambda: f'not {pick(ANY)}', lambda: f'({test(depth+1)} {pick(["and", "or"])} {test(depth+1)})', lambda: f'{pick(ANY)} == {pick(ANY)}', lambda: f'{number(depth+1)} is {pick(["odd", "even", "divisibleby 3", "divisibleby(2)"])}', lambda: f'{number(2)} is eq {number(2)}', lambda: f'0 < {number(2)} < 5', lambda: f'{text(2)} is {pick(["upper", "lower", "in words"])}',
    ])()

def tag(body):
    left, right = pick(['{%', '{%', '{%', '{%-', '{%+']), pick(['%}', '%}', '%}', '-%}', '+%}'])
    return f'{left} {body} {right}'

def space(): return pick(['', '', '\n', ' ', '\n  ', '  ', '\n\n', ' \t\n', '\r\n', 'T', 'a b\n', '{# note #}', '{#- n -#}\n', '  {# x #}\n'])

def block(depth=0):
    out = ''
    for _ in range(random.randint(1, 3)): out += space() + statement(depth) + space()
    return out

def statement(depth):
    r = random.random()
    if r < 0.4 or depth > 2: return pick(['{{ ', '{{ ', '{{- ']) + any_value() + pick([' }}', ' }}', ' -}}'])
    if r < 0.52: return tag(f'if {test()}') + block(depth+1) + (tag(f'elif {test()}') + block(depth+1) if random.random() < 0.3 else '') + (tag('else') + block(depth+1) if random.random() < 0.5 else '') + tag('endif')
    if r < 0.7:
        target = pick(['m', 'message', 'w', 'w'])
        inner = pick(['', '{{ loop.index }}', '{{ loop.first }}{{ loop.last }}', '{{ loop.revindex0 }}/{{ loop.length }}', '{{ loop.previtem }}', '{{ loop.cycle("a", "b") }}', '{{ ' + target + ' }}', '{{ ' + target + '.role }}', '{% if seen %}S{% endif %}{% set seen = 1 %}', '{% set v = v ~ "q" %}{{ v }}', '{% set ns.c = ns.c + 1 %}', '{{ loop.changed(' + target + ') }}', '{{ loop.nextitem is defined }}'])
        jump = pick(['', '', '', 'x' + tag(f'if {test()}') + pick(['{% continue %}', '{% break %}', 'y{%- break %}']) + tag('endif') + 'z'])
        head = pick([f'for {target} in {items()}', f'for {target} in {items()}', f'for {target} in {items()} if {target}', f'for k, v in {pick(["d.items()", "d|items", "d|dictsort", "[(1, 2)]"])}', f'for {target} in messages if {target}.role == "user"'])
        if head.startswith('for k'): inner = '{{ k }}={{ v }}'
        return tag(head) + space() + inner + jump + block(depth+1) + (tag('else') + 'E' if random.random() < 0.2 else '') + tag('endfor')
    if r < 0.8: return tag(f'set {pick(["v", "w", "name", "ns.c", "a, b"])} = {any_value()}').replace('a, b =', 'a, b = 1,') + '{{ v }}'
    if r < 0.84: return tag(f'set v{pick(["", " | upper", " | trim"])}') + block(depth+1) + tag('endset') + '[{{ v }}]'
    if r < 0.88: return tag(f'macro f(a, b={any_value()})') + 'M{{ a }},{{ b }}' + pick(['', '{{ varargs }}', '{{ kwargs }}', '{{ caller() if caller else "" }}', '{{ c }}']) + tag('endmacro') + pick(['{{ f(1) }}', '{{ f(b=2, a=3) }}', '{{ f() }}', '{{ f(1, 2, 3) }}', '{{ f(1, z=2) }}', '{% call f(1) %}C{% endcall %}', '{{ f }}'[:0]])
    if r < 0.91: return tag('generation') + block(depth+1) + tag('endgeneration')
    if r < 0.93: return tag(f'filter {pick(["upper", "trim", "indent(2)", "replace(@a@, @b@)"])}') + block(depth+1) + tag('endfilter')
    if r < 0.95: return tag(f'with v = {any_value()}') + '{{ v }}' + block(depth+1) + tag('endwith')
    if r < 0.96: return '{% raw %}' + space() + '{{ x }}{% if %}' + space() + pick(['{% endraw %}', '{%- endraw -%}'])
    if r < 0.97: return "{{ raise_exception('no: ' ~ " + text() + ") }}"
    return '{{ ' + any_value() + ' if ' + test() + ' else ' + any_value() + ' }}'

made = 0
while made < count:
    template = pick(['', '', '{% set ns = namespace(c=0) %}', "{%- set v = 'V' -%}\n"]) + block() + pick(['', '', '\n', '{{ ns.c }}', '{{ v }}'])
    # Python before 3.12 takes no backslash in an f-string's expression: @ stands for a double quote.
    template = template.replace('@', '"')
    if random.random() < 0.1: template = template.replace('\n', '\r\n')
    record = {'template': template}
    try:
        import signal
        signal.alarm(5)
        record['expected'] = _compile_jinja_template(template).render(**json.loads(json.dumps(VARIABLES)))
        signal.alarm(0)
        if ' object at 0x' in record['expected'] or ' at 0x' in record['expected'] or '<built-in' in record['expected'] or '<Macro' in record['expected'] or '<bound' in record['expected']: continue
    except Exception as error:
        if random.random() > 0.25: continue
        record['error'] = f'{type(error).__name__}: {error}'[:100]
    if made == 0: print(json.dumps({'variables': VARIABLES}, ensure_ascii=False))
    print(json.dumps(record, ensure_ascii=False)); made += 1
