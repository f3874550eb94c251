import fc from "fast-check";
import { getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import { describe, expect, it } from "vitest";
import { parseToml, TomlError } from "@/rules/tasks/tomlParse";
import { formatKey, formatValue, valueOf, type Value } from "@/rules/tasks/tomlValue";

/** What a parser that others keep says. */
function theirs(text: string): unknown {
  return simple(getStaticTOMLValue(parseTOML(text, { tomlVersion: "1.0" })));
}

function simple(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return null;
  if (Array.isArray(value)) return value.map(simple);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, simple(each)]));
}

const ours = (text: string) => JSON.parse(JSON.stringify(valueOf(parseToml(text)))) as unknown;

const RIGHT = [
  "",
  "# only a comment",
  'Name = "a" # x\nEnv.A = "b"\n[Params.version]\nDefault = \'l\'\n',
  '[[step]]\nTargets = { Labels = { role = "web" }, Group = "p" }\nx = [1, 2,\n # c\n 3,]\n[step.Env]\nA.B = """\nhi"""\n[[step]]\n',
  'a = """""two quotes"""""\nb = \'\'\'\'one\'\'\'\'\nc = ""\nd = \'\'\'\'\'\'\ne = """"""',
  'a = """x \\\n   y"""\nb = "\\u00e9\\U0001F600\\t\\"\\\\"',
  "a = 0x1F\nb = 1_000\nc = -0.5e3\nd = +7\ne = 0b11\nf = 0o17",
  "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00.5\nc = 1979-05-27\nd = 07:32:00",
  '"quoted key" . \'and this\' . plain = true\r\nb = false\r\nc = """\r\nx\r\ny"""\r\n',
  "[a.b]\nc = 1\n[a]\nd = 2\n[[a.e]]\nf = 3\n[[a.e]]\n[a.e.g]\nh = [{ i = 1 }, { j.k = 2 }]",
  "[constructor]\ntoString = 2",
];

const WRONG = [
  "a", "a =", "a = b", 'a = "x', "a = 1\na = 2", "[x]\n[x]", "a = 1 b = 2", "a = 'x\n'", "[a", "[[a]",
  "a = [1", "a = [1 2]", "a = { b = 1", "a = { b = 1, }", "a = { b = 1,\nc = 2 }", 'a = "\\q"',
  'a = "\\ud800"', 'a = "\u0001"', "a = 01", "a = 1__0", "= 1", "a = '''x", `a = ${"[".repeat(99)}`,
]; // prettier-ignore

describe("a parser that keeps places", () => {
  it.each(RIGHT)("reads what another one reads: %j", (text) => {
    expect(ours(text)).toEqual(JSON.parse(JSON.stringify(theirs(text))));
  });

  it.each(WRONG)("refuses %j", (text) => {
    expect(() => parseToml(text)).toThrow(TomlError);
  });

  it("takes any key for a key", () => {
    expect(JSON.stringify(ours("__proto__ = 1"))).toBe('{"__proto__":1}');
  });

  it("reads a script as long as there may be one", () => {
    const script = "echo a line of a script\n".repeat(5_400);
    expect(ours(`a = '''\n${script}'''`)).toEqual({ a: script });
    expect(ours(`a = """\n${script}"""`)).toEqual({ a: script });
  });

  it("says where each value stands", () => {
    const text = "[[step]] # first\nEnv = { A = 'b', C = [1, 'd'] }";
    const entry = parseToml(text).headers[0]?.entries[0];
    expect(entry?.path).toEqual(["step", 0, "Env"]);
    expect(text.slice(entry?.value.from, entry?.value.to)).toBe("{ A = 'b', C = [1, 'd'] }");
  });
});

/** The other parser loses this one. */
const key = fc.string().filter((text) => text !== "__proto__");
const scalar = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.integer(), fc.boolean());
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: false }),
  ),
})).value;

describe("writing a value", () => {
  it("gives what was meant to both parsers, whatever it is and however it was quoted", () => {
    const quotes = fc.constantFrom('"', "'", '"""', "'''", undefined);
    fc.assert(
      fc.property(key, value, quotes, (key, given, like) => {
        const text = `${formatKey(key)} = ${formatValue(given, like as never)}`;
        const wanted = JSON.parse(JSON.stringify({ [key]: given })) as unknown;
        expect(ours(text)).toEqual(wanted);
        expect(JSON.parse(JSON.stringify(theirs(text)))).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["plain", '"plain"'],
    ['say "hi"', "'say \"hi\"'"],
    ["C:\\x", "'C:\\x'"],
    ["it's \"x\"", '"it\'s \\"x\\""'],
    ["a\nb\n", "'''\na\nb\n'''"],
    ["a '''\nb", '"""\na \'\'\'\nb"""'],
  ])("writes %j as a person would", (text, wanted) => {
    expect(formatValue(text)).toBe(wanted);
  });
});
