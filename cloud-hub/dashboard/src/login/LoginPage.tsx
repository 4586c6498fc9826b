// Asks who comes: name, password and, where one is needed, a code; or sets a password by a code that was given.
import { type FormEvent, type InputHTMLAttributes, useState } from "react";
import { logIn, setPassword } from "./useSession";

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
}

function Field({ label, ...input }: FieldProps) {
  return (
    <label className="flex flex-col gap-1 text-sm font-medium">
      {label}
      <input className="rounded border px-3 py-2 text-base font-normal" style={{ borderColor: "var(--edge)", background: "var(--page)" }} {...input} />
    </label>
  );
}

export function LoginPage() {
  const [first, setFirst] = useState(false);
  const [codeNeeded, setCodeNeeded] = useState(false);
  const [told, setTold] = useState<string | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [name, password, code] = ["name", "password", "code"].map((key) => String(form.get(key) ?? "").trim()) as [string, string, string];
    const wrong = first ? await setPassword(name, code, password) : await logIn(name, password, code);
    setTold(wrong ?? (first ? "The password is set: log in with it." : null));
    if (wrong?.includes("code is needed")) setCodeNeeded(true);
    if (wrong === null && first) setFirst(false);
  }

  return (
    <main className="mx-auto flex min-h-screen max-w-sm flex-col justify-center gap-4 p-4">
      <h1 className="text-xl font-semibold">Jarvis Rinkside</h1>
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3 rounded-lg border p-4" style={{ borderColor: "var(--edge)", background: "var(--panel)" }}>
        <Field label="Name" name="name" autoComplete="username" autoCapitalize="none" required maxLength={63} />
        {first && <Field label="Code you were given" name="code" autoComplete="off" required maxLength={128} />}
        <Field label={first ? "New password, some words that do not belong together" : "Password"} name="password" type="password" autoComplete={first ? "new-password" : "current-password"} required maxLength={256} />
        {!first && codeNeeded && <Field label="Code of the authenticator, or one on paper" name="code" autoComplete="one-time-code" required autoFocus maxLength={64} />}
        <button type="submit" className="rounded px-3 py-2 font-semibold text-white" style={{ background: "var(--away)" }}>
          {first ? "Set the password" : "Log in"}
        </button>
        <p role="alert" className="min-h-5 text-sm" data-testid="told">
          {told}
        </p>
      </form>
      <button type="button" className="self-start text-sm underline" onClick={() => (setFirst(!first), setTold(null))}>
        {first ? "I have a password" : "I have a code that sets my password"}
      </button>
    </main>
  );
}
