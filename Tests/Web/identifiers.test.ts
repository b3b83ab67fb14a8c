import assert from "node:assert/strict";
import { test } from "node:test";
import { identifierOf } from "../../Services/Web/source/core/identifiers";

test("An identifier is a UUID of version 7 that begins with its time", () => {
  const moment = 0x0123_4567_89ab;
  assert.equal(identifierOf(moment, new Uint8Array(10)), "01234567-89ab-7000-8000-000000000000");
  assert.equal(identifierOf(moment, new Uint8Array(10).fill(0xff)), "01234567-89ab-7fff-bfff-ffffffffffff");
  const counting = Uint8Array.from({ length: 10 }, (_, index) => 0xa1 + index);
  assert.equal(identifierOf(7, counting), "00000000-0007-71a2-a3a4-a5a6a7a8a9aa");
});
