import { expect, it } from "vitest";
import { standing } from "./useSession";

it("leaves the page as it is when the hub says neither yes nor no", () => {
  expect([200, 401, 409].map((status) => standing(status, "asking"))).toEqual(["in", "out", "open"]);
  expect([429, 500, 503].map((status) => standing(status, "in"))).toEqual(["in", "in", "in"]);
});
