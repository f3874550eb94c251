import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { removeKey, renameKey, setItems, setValue } from "@/rules/tasks/tomlEdit";
import { parseToml, type Path } from "@/rules/tasks/tomlParse";
import {
  countTables,
  insertTable,
  moveTable,
  removeTable,
  tableText,
} from "@/rules/tasks/tomlTables";
import { valueOf, type Table, type Value } from "@/rules/tasks/tomlValue";

const KEYS = ["Name", "ServerID", "Targets", "Path", "CMD", "Env", "Timeout"];
const ORDER = ({ length }: Path) => (length === 3 ? KEYS : []);
const STEPS = ["step"];

const TASK = `# what it is for
Name    = "deploy"   # as people say it

[Params.version] # asked for
Default = 'latest'

# first of all
[[step]]
Name     = "build"
ServerID = [ "a", # the old one
  "b" ]
CMD      = "make"  # quick

# --- and then ---

[[step]]
Name = "restart"
[step.Targets]
Labels.role = "web"
[step.Env]
STAGE = "prod" # not test
# the end`;

const set = (path: Path, value: Value, text = TASK) => setValue(parseToml(text), path, value, ORDER);
const meaning = (text: string) => JSON.parse(JSON.stringify(valueOf(parseToml(text)))) as Table;

describe("a changed value", () => {
  it("is all that changes", () => {
    expect(set(["step", 0, "CMD"], "make all")).toBe(TASK.replace('"make"', '"make all"'));
    expect(set(["Params", "version", "Default"], "it's")).toBe(TASK.replace("'latest'", '"it\'s"'));
    expect(set(["step", 1, "Targets", "Labels", "role"], "db")).toBe(TASK.replace('"web"', '"db"'));
  });

  it("comes in the order of its table, below each other as the others do", () => {
    expect(set(["step", 0, "Path"], "/srv")).toContain('  "b" ]\nPath     = "/srv"\nCMD ');
    expect(set(["step", 0, "Timeout"], "1m")).toContain('"make"  # quick\nTimeout  = "1m"\n');
    expect(set(["step", 1, "CMD"], "x")).toContain('"restart"\nCMD = "x"\n[step.Targets]');
    expect(set(["Timeout"], "1m")).toContain('as people say it\nTimeout = "1m"\n\n[Params');
  });

  it("goes into the table that there is, whichever way that is written", () => {
    expect(set(["step", 1, "Env", "A"], "1")).toContain('STAGE = "prod" # not test\nA = "1"\n# the end');
    expect(set(["step", 1, "Targets", "Labels", "zone"], "a")).toContain(
      'Labels.role = "web"\nLabels.zone = "a"\n',
    );
    expect(set(["step", 0, "Env", "A"], "1")).toContain('# quick\nEnv      = { A = "1" }\n');
    const inline = '[[step]]\nTargets = { Group = "x" }\n';
    expect(set(["step", 0, "Targets", "AllowEmpty"], true, inline)).toContain(
      '{ Group = "x", AllowEmpty = true }',
    );
    expect(set(["step", 0, "Targets", "Labels", "a"], "1", '[[step]]\nCMD = "x"\n')).toBe(
      '[[step]]\nTargets = { Labels = { a = "1" } }\nCMD = "x"\n',
    );
    expect(set(["Name"], "x", "")).toBe('Name = "x"\n');
    expect(set(["Name"], "x", "# about\n[[step]]\n")).toBe('Name = "x"\n\n# about\n[[step]]\n');
  });
});

describe("a list", () => {
  const items = (given: string[], text = TASK) => {
    return setItems(parseToml(text), ["step", 0, "ServerID"], given, ORDER, true);
  };

  it("keeps the comments of those that stay, and of those that go", () => {
    expect(items(["a", "b", "c"])).toContain('[ "a", # the old one\n  "b", "c" ]');
    expect(items(["c", "b"])).toContain('[ "c", # the old one\n  "b" ]');
    expect(items(["b"])).toContain('[ # the old one\n  "b" ]');
    expect(meaning(items(["a"])).step).toMatchObject([{ ServerID: ["a"] }, {}]);
    expect(items(["a"])).toContain("# the old one");
    expect(items([])).toContain("# the old one");
  });

  it("is one text as long as it may be", () => {
    expect(items(["a"], "[[step]]\n")).toBe('[[step]]\nServerID = "a"\n');
    expect(items(["a", "b"], '[[step]]\nServerID = "a" # x\n')).toContain('ServerID = ["a", "b"] # x');
  });
});

describe("a key that goes", () => {
  it("takes its line along, and a table that is empty then", () => {
    const gone = (path: Path, text = TASK) => removeKey(parseToml(text), path);
    expect(gone(["step", 0, "CMD"])).toBe(TASK.replace('CMD      = "make"  # quick\n', ""));
    expect(gone(["step", 1, "Targets"])).toBe(
      TASK.replace('[step.Targets]\nLabels.role = "web"\n', ""),
    );
    expect(gone(["Params", "version"])).toBe(
      TASK.replace("[Params.version] # asked for\nDefault = 'latest'\n\n", ""),
    );
    const inline = '[[step]]\nTargets = { Labels = { a = "1" }, Group = "x" } # t\n';
    expect(gone(["step", 0, "Targets", "Labels", "a"], inline)).toBe(
      '[[step]]\nTargets = { Group = "x" } # t\n',
    );
    expect(gone(["step", 0, "Targets", "Group"], inline)).toContain('{ Labels = { a = "1" } } # t');
  });

  it("is called otherwise wherever it is written", () => {
    const renamed = (path: Path, name: string) => renameKey(parseToml(TASK), path, name);
    expect(renamed(["Params", "version"], "tag")).toBe(TASK.replace("Params.version", "Params.tag"));
    expect(renamed(["step", 1, "Env", "STAGE"], "A b")).toBe(TASK.replace("STAGE", '"A b"'));
    expect(renamed(["step", 1, "Targets", "Labels", "role"], "x")).toContain('Labels.x = "web"');
  });
});

describe("steps", () => {
  it("change places with the comments that touch them; what stands between stays there", () => {
    const moved = moveTable(parseToml(TASK), STEPS, 0, 1);
    const between = moved.indexOf("# --- and then ---");
    expect(moved.indexOf('"restart"')).toBeLessThan(between);
    expect(moved.indexOf("# the end")).toBeLessThan(between);
    expect(moved.indexOf("# first of all")).toBeGreaterThan(between);
    expect(moveTable(parseToml(moved), STEPS, 1, 0)).toBe(TASK);
  });

  it("come and go without a trace", () => {
    for (const index of [0, 1]) {
      const more = insertTable(parseToml(TASK), STEPS, index, '[[step]]\nCMD = "new"');
      expect(removeTable(parseToml(more), STEPS, index)).toBe(TASK);
    }
    const last = insertTable(parseToml(TASK), STEPS, 2, '[[step]]\nCMD = "new"');
    expect(last).toBe(`${TASK}\n\n[[step]]\nCMD = "new"\n`);
    expect(removeTable(parseToml(last), STEPS, 2)).toBe(`${TASK}\n`);
    expect(insertTable(parseToml('Name = "x"\n'), STEPS, 0, "[[step]]")).toBe('Name = "x"\n\n[[step]]\n');
  });

  it("are copied as they are written", () => {
    expect(tableText(parseToml(TASK), STEPS, 1)).toContain('STAGE = "prod" # not test\n# the end');
  });

  it("whose tables stand apart move as one", () => {
    const apart = '[[step]]\nName = "a"\n[Params.x]\n[step.Env]\nA = "1"\n[[step]]\nName = "b"\n';
    const moved = moveTable(parseToml(apart), STEPS, 1, 0);
    expect(meaning(moved)).toEqual({
      Params: { x: {} },
      step: [{ Name: "b" }, { Name: "a", Env: { A: "1" } }],
    });
  });
});

// --- whatever a definition looks like

const gap = fc.constantFrom("", "\n", "\n\n", "# between\n\n", "\n# floats\n\n");
const comment = fc.constantFrom("", " # why", "\t#why");
const sign = fc.constantFrom(" = ", "=", "   = ");
const word = fc.constantFrom('"x"', "'y'", '"""\nlong\n[[step]]\n"""', "'''# no comment'''");

const table = (name: string) =>
  fc.constantFrom(
    `${name} = { A = "1", B = '2' }`,
    `${name}.A = "1"\n${name}.B = '2'`,
    `[step.${name}]\nA = "1" # one\n\n# two\nB = '2'`,
    "",
  );

const step = fc
  .tuple(fc.constantFrom("", "# above\n", "# two\n# lines\n"), comment, sign, word, sign, comment, table("Env"))
  .map(([above, c1, s1, value, s2, c2, env]) => {
    const lines = [`${above}[[step]]${c1}`, `Name${s1}${value}${c2}`, `CMD${s2}"run"`, env];
    return `${lines.filter(Boolean).join("\n")}\n`;
  });

const definition = fc
  .tuple(gap, sign, comment, fc.array(fc.tuple(step, gap), { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([first, s, c, steps, isCut]) => {
    const text = `${first}Name${s}"t"${c}\n\n[Params.p]\nDefault = 1\n${steps.map((each) => each.join("")).join("")}`;
    return isCut ? text.trimEnd() : text;
  });

const commentsOf = (text: string) => (text.match(/#(?! no comment).*/g) ?? []).sort();
const linesOf = (text: string) => text.split("\n").filter((line) => line.trim() !== "");
const stepsIn = (text: string) => meaning(text).step as Table[];

describe("any definition", () => {
  it("loses no comment and no other line when a value is changed or is new", () => {
    const keys = fc.constantFrom("CMD", "Name", "Timeout", "Path", "Env");
    fc.assert(
      fc.property(definition, fc.nat(), keys, fc.string(), (text, at, key, value) => {
        const index = at % stepsIn(text).length;
        const path: Path = ["step", index, ...(key === "Env" ? ["Env", "C"] : [key])];
        const now = setValue(parseToml(text), path, value, ORDER);
        const wanted = stepsIn(text);
        if (key === "Env") wanted[index] = { ...wanted[index], Env: { ...(wanted[index]?.Env as Table), C: value } };
        else wanted[index] = { ...wanted[index], [key]: value };
        expect(stepsIn(now)).toEqual(wanted);
        if (!/["'#\n]/.test(value)) expect(commentsOf(now)).toEqual(commentsOf(text));
        const kept = linesOf(text).filter((line) => linesOf(now).includes(line));
        expect(linesOf(text).length - kept.length).toBeLessThanOrEqual(5);
      }),
    );
  });

  it("has the same lines after a move, and they stand as before after the way back", () => {
    fc.assert(
      fc.property(definition, fc.nat(), fc.nat(), (text, a, b) => {
        const count = countTables(parseToml(text), STEPS);
        const [from, to] = [a % count, b % count];
        const moved = moveTable(parseToml(text), STEPS, from, to);
        const wanted = stepsIn(text);
        wanted.splice(to, 0, ...wanted.splice(from, 1));
        expect(stepsIn(moved)).toEqual(wanted);
        expect(linesOf(moved).sort()).toEqual(linesOf(text).sort());
        const back = moveTable(parseToml(moved), STEPS, to, from);
        expect(linesOf(back)).toEqual(linesOf(text));
      }),
    );
  });

  it("is the same after a step has come, before any other, and has gone", () => {
    fc.assert(
      fc.property(definition, fc.nat(), (text, at) => {
        const index = at % countTables(parseToml(text), STEPS);
        const more = insertTable(parseToml(text), STEPS, index, '# mine\n[[step]]\nCMD = "new"');
        expect(stepsIn(more)[index]).toEqual({ CMD: "new" });
        expect(removeTable(parseToml(more), STEPS, index)).toBe(text);
      }),
    );
  });

  it("keeps everything else when a step or a key goes", () => {
    fc.assert(
      fc.property(definition, fc.nat(), fc.constantFrom("CMD", "Env", "Name", null), (text, at, key) => {
        const index = at % countTables(parseToml(text), STEPS);
        const wanted = stepsIn(text);
        const document = parseToml(text);
        const now = key ? removeKey(document, ["step", index, key]) : removeTable(document, STEPS, index);
        if (key) delete wanted[index]?.[key];
        else wanted.splice(index, 1);
        expect(meaning(now).step ?? []).toEqual(wanted);
        expect(linesOf(text)).toEqual(expect.arrayContaining(linesOf(now)));
      }),
    );
  });
});
