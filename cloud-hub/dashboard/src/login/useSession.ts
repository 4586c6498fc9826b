// Who the hub takes this page for: asked at the start, after each cut of the connection, and after logging in or out.
import { create } from "zustand";
import type { components } from "../hub/schema";

type Permissions = components["schemas"]["Permissions"];
type Problem = components["schemas"]["Problem"];

// "open": the hub asks nobody who they are.
interface Session {
  state: "asking" | "open" | "in" | "out";
  name: string | null;
}

export const useSession = create<Session>(() => ({ state: "asking", name: null }));

// How an answer to "what may I?" is to be taken; what is neither yes nor no leaves the page as it is.
export function standing(status: number, held: Session["state"]): Session["state"] {
  if (status === 200) return "in";
  if (status === 401) return "out";
  if (status === 409) return "open";
  return held;
}

export async function askWhoIAm(): Promise<void> {
  const answer = await fetch("/api/security/auth/permissions").catch(() => null);
  if (!answer) return;
  const state = standing(answer.status, useSession.getState().state);
  const name = answer.ok ? ((await answer.json()) as Permissions).name : null;
  useSession.setState({ state, name });
}

async function post(path: string, body: object): Promise<string | null> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
  if (!answer) return "the hub does not answer";
  return answer.ok ? null : ((await answer.json()) as Problem).detail;
}

// What was wrong, in the hub's words; nothing when it worked.
export async function logIn(name: string, password: string, code: string): Promise<string | null> {
  const wrong = await post("/api/security/auth/login", { name, password, code: code || null, cookie: true });
  if (wrong === null) await askWhoIAm();
  return wrong;
}

export const setPassword = (name: string, code: string, password: string) =>
  post("/api/security/auth/reset", { name, code, password });

export async function logOut(): Promise<void> {
  await post("/api/security/auth/logout", {});
  await askWhoIAm();
}
