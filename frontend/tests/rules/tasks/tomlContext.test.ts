import { describe, expect, it } from "vitest";
import { contextAt, keyOver } from "@/rules/tasks/tomlContext";

/** What can be written where `|` stands. */
function at(text: string) {
  const place = text.indexOf("|");
  const found = contextAt(text.replace("|", ""), place);
  return found && { ...found, from: text.slice(found.from, place) };
}

describe("what can be written in a definition", () => {
  it.each([
    ["Na|", "task", []],
    ['Name = "x"\nTime|out', "task", ["Name"]],
    ["[[step]]\nCM|\nPath = '/'", "step", ["Path"]],
    ["[Params.x]\n|", "param", []],
    ["[step.Targets]\nGr|", "targets", []],
    ['[[step]]\nTargets = { Group = "x", Al|', "targets", ["Group"]],
    ["[[step]]\nTargets.La|", "targets", []],
    ["x = { A|", null, null],
    ["[[step]]\nEnv = { A|", null, null],
    ["[step.Env]\nA|", null, null],
    ["# Na|", null, null],
    ['[[step]]\nScript = """\nNa|\n"""', null, null],
  ])("%j", (text, table, taken) => {
    const found = at(text);
    if (table === null) expect(found).toBeNull();
    else expect(found).toMatchObject({ kind: "key", table, taken });
  });

  it.each([
    ['[[step]]\nWhen = "su|"', "step", "When", true, "su"],
    ["[[step]]\nWhen = |", "step", "When", false, ""],
    ['[[step]]\nRetryOn = ["lost", "fa|"]', "step", "RetryOn", true, "fa"],
    ['[[step]]\nServerID = "we|', "step", "ServerID", true, "we"],
    ["[[step]]\nTargets = { All = t|", "targets", "All", false, "t"],
    ["[[step]]\nTargets.All = |", "targets", "All", false, ""],
    ["Template = |", "task", "Template", false, ""],
  ])("%j", (text, table, key, isQuoted, from) => {
    expect(at(text)).toEqual({ kind: "value", table, key, isQuoted, from });
  });

  it("knows where a header begins", () => {
    expect(at("[[st|")).toEqual({ kind: "header", from: "[[st" });
    expect(at("Name = 'x'\n  [|")).toEqual({ kind: "header", from: "[" });
  });

  it("knows the key that is pointed at", () => {
    const text = '[[step]]\nTargets = { Labels = { CMD = "x" } }\nCMD = "Name"\n[step.Env]\nPath = "1"\n[step.Targets]\n';
    const over = (word: string, from = 0) => {
      const found = keyOver(text, text.indexOf(word, from) + 1);
      return found && `${found.table}.${found.key}`;
    };
    expect(over("step")).toBe("task.step");
    expect(over("Targets")).toBe("step.Targets");
    expect(over("Labels")).toBe("targets.Labels");
    expect(over("CMD")).toBeNull();
    expect(over("CMD", 40)).toBe("step.CMD");
    expect(over("Name")).toBeNull();
    expect(over("Path")).toBeNull();
    expect(over("Targets]")).toBe("step.Targets");
  });
});
