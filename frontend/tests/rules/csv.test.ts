import { expect, test } from "vitest";
import { toCsv } from "@/rules/csv";

test("cells with separators and quotes are quoted, and lines end as spreadsheets want it", () => {
  expect(toCsv([["a", 'say "hi", twice'], [1.5, null], ["two\nlines", "مهمة"]])).toBe(
    '\uFEFFa,"say ""hi"", twice"\r\n1.5,\r\n"two\nlines",مهمة\r\n',
  );
});

test.each(["=1+1", "+1", "-1", "@sum", "\tx"])("%j is no formula", (text) => {
  expect(toCsv([[text]])).toBe(`\uFEFF'${text}\r\n`);
});
