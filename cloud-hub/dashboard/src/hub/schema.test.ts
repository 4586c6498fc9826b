// src/hub/schema.ts is what openapi-typescript makes of cloud-hub/openapi.json: `npm run client` makes it again.
import { readFileSync } from "node:fs";
import openapi, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, test } from "vitest";

test("the client's schema is the hub's", async () => {
  const document = new URL("../../../openapi.json", import.meta.url);
  const made = COMMENT_HEADER + astToString(await openapi(document, { defaultNonNullable: false }));
  const held = readFileSync(new URL("./schema.ts", import.meta.url), "utf8");
  expect(held === made, "stale: npm run client").toBe(true);
}, 30_000);
