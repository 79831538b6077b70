/**
 * The document renderer, shared by the chat page of a device and the fleet console. It imports nothing but preact.
 * A project outside this folder's own must resolve `preact` to one copy (Vite: `resolve.dedupe: ["preact"]`).
 */

import "./document.css";

export { safeLink, safePicture } from "./address";
export type { Align, Block, Cell, Choice, Document, Inline, Item, Row, Table } from "./types";
export { DocumentView, type DocumentProps, type Labels } from "./view";
