/**
 * The document tree as a device writes it: what is said, before any mark-up.
 *
 * One type per node of `outpost_wire.document`; `t` tells which. A field at its default is left out of the JSON, so
 * every field with a default is optional here. Nothing in the tree is mark-up: a string is characters, never HTML.
 */

export type Inline =
  | { t: "text"; text: string }
  | { t: "strong"; children: readonly Inline[] }
  | { t: "em"; children: readonly Inline[] }
  | { t: "strike"; children: readonly Inline[] }
  | { t: "code"; text: string }
  | { t: "link"; href: string; children: readonly Inline[] }
  | { t: "image"; src: string; alt?: string }
  | { t: "br" };

export interface Item {
  children: readonly Block[];
}

export interface Cell {
  children: readonly Inline[];
}

export interface Row {
  cells: readonly Cell[];
}

export type Align = "left" | "right" | "center" | "";

export interface Table {
  t: "table";
  header: Row;
  rows: readonly Row[];
  align?: readonly Align[];
}

export interface Choice {
  label: string;
  /** What is sent as a message when the choice is pressed. */
  command: string;
}

export type Block =
  | { t: "p"; children: readonly Inline[] }
  | { t: "h"; level: number; children: readonly Inline[] }
  | { t: "list"; items: readonly Item[]; ordered?: boolean; start?: number }
  | { t: "pre"; text: string; language?: string }
  | { t: "quote"; children: readonly Block[] }
  | Table
  | { t: "hr" }
  | { t: "buttons"; buttons: readonly Choice[] };

export interface Document {
  blocks?: readonly Block[];
}
