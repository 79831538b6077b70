/**
 * Put `text` on the clipboard and tell whether that worked. Within a modal dialog only what is in it can be selected,
 * so there `near` is an element of it.
 */
export async function copy(text: string, near: Element = document.body): Promise<boolean> {
  if (!navigator.clipboard) return copyBySelection(text, near);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near);
  }
}

/** The way that remains on plain http over a local network, where the browser offers no clipboard object. */
function copyBySelection(text: string, near: Element): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "document-clipboard";
  near.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
