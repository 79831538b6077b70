import { codeIn, spellCode } from "../door";

interface CodeFieldProps {
  id: string;
  /** The bare code, as far as it was typed. */
  value: string;
  problem: string | null;
  onChange: (code: string) => void;
  testid: string;
}

/** One large field for a code of eight signs; takes any case, spaces, dashes and a pasted link. */
export function CodeField({ id, value, problem, onChange, testid }: CodeFieldProps) {
  const typed = (event: { currentTarget: HTMLInputElement }) => {
    const field = event.currentTarget;
    const code = codeIn(field.value);
    const isAtEnd = field.selectionStart === field.value.length;
    onChange(code);
    // A code that stays the same is not drawn again, but what was typed must go.
    field.value = spellCode(code);
    if (isAtEnd) field.setSelectionRange(field.value.length, field.value.length);
  };
  return (
    <>
      <input
        id={id}
        class="code-field"
        type="text"
        inputMode="text"
        autocapitalize="characters"
        autocomplete="one-time-code"
        spellcheck={false}
        autofocus
        placeholder="····-····"
        value={spellCode(value)}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-problem`}
        onInput={typed}
        data-testid={testid}
      />
      <p id={`${id}-problem`} class="problem" role="alert" data-testid="problem">{problem}</p>
    </>
  );
}
