import assert from "node:assert/strict";
import { test } from "node:test";
import { mentionChoices, mentionQueryAt, mentionsUser, splitMentions, withMention } from "../../Services/Web/source/core/mentions";
import { ana, ben, message } from "./samples";

const marked = (text: string, ...names: string[]) =>
  splitMentions(text, new Set(names)).map((part) => part.name === undefined ? part.text : `[${part.text}]`).join("");

test("A message calls whom it names, and everybody when it addresses all", () => {
  assert.equal(mentionsUser(message(1, { mentions: [ana.id] }), ana.id), true);
  assert.equal(mentionsUser(message(1, { mentions: [ben.id] }), ana.id), false);
  assert.equal(mentionsUser(message(1, { audience: "all" }), ana.id), true);
  assert.equal(mentionsUser(message(1, { audience: "all" }), undefined), false);
});

test("Names are marked at the beginning of a word, whatever their case, and no others", () => {
  assert.equal(marked("@ana and @Ben, hi", "ana", "ben"), "[@ana] and [@Ben], hi");
  assert.equal(marked("ana@ana.org (@ana) @anabel", "ana"), "ana@ana.org ([@ana]) @anabel");
  assert.equal(marked("@ana@ben", "ana", "ben"), "[@ana]@ben");
  assert.equal(marked("@cleo", "ana"), "@cleo");
  assert.equal(marked("é@ana /@ana", "ana"), "é@ana /@ana");
});

test("A query is what follows an @ before the caret", () => {
  assert.deepEqual(mentionQueryAt("hi @be", 6), { from: 3, to: 6, words: "be" });
  assert.deepEqual(mentionQueryAt("@", 1), { from: 0, to: 1, words: "" });
  assert.deepEqual(mentionQueryAt("(@Ána", 5), { from: 1, to: 5, words: "Ána" });
  for (const text of ["a@be", "@be ", "@@be", "be"]) assert.equal(mentionQueryAt(text, text.length), undefined, text);
  assert.equal(mentionQueryAt("@ben there", 10), undefined);
});

test("User names come first, then names, then everybody", () => {
  const people = [
    { id: "1", username: "zoe", displayName: "Anatol Ben" }, { id: "2", username: "ben", displayName: "Benjamin" },
    { id: "3", username: "cleo", displayName: "Cleo" },
  ];
  assert.deepEqual(mentionChoices(people, "ben").map(({ name }) => name), ["ben", "zoe"]);
  assert.deepEqual(mentionChoices(people, "").map(({ name }) => name), ["zoe", "ben", "cleo", "all", "here"]);
  assert.deepEqual(mentionChoices(people, "he").map(({ name }) => name), ["here"]);
});

test("The list is bounded, and everybody stays in it", () => {
  const people = Array.from({ length: 50 }, (_, index) => ({ id: `${index}`, username: `ann${index}`, displayName: "Ann" }));
  const names = mentionChoices(people, "").map(({ name }) => name);
  assert.equal(names.length, 8);
  assert.deepEqual(names.slice(-2), ["all", "here"]);
});

test("The name takes the place of the query, with one space behind it and the caret after that", () => {
  const query = { from: 3, to: 6, words: "be" };
  assert.deepEqual(withMention("hi @be", query, "ben"), { text: "hi @ben ", caret: 8 });
  assert.deepEqual(withMention("hi @be you", query, "ben"), { text: "hi @ben you", caret: 8 });
});
