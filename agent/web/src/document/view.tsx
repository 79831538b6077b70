/**
 * Draws a document tree. Nodes become elements one by one and strings become text nodes, so no string is ever parsed
 * as HTML. A node of an unknown kind, from a newer device, draws nothing.
 */

import { createContext, type ComponentChildren } from "preact";
import { useContext, useMemo } from "preact/hooks";

import { safeLink, safePicture } from "./address";
import { CodeBlock } from "./code";
import type { Align, Block, Document, Inline, Item, Row, Table } from "./types";

export interface Labels {
  copy: string;
  copied: string;
}

export interface DocumentProps {
  document: Document;
  /** Called with the command of a button; without it buttons are drawn disabled. */
  onCommand?: (command: string) => void;
  /** Gives the address to load a picture from, or null to draw a link instead. Default: paths on this host only. */
  resolve?: (src: string) => string | null;
  /** Called when a picture is pressed; without it pictures are not pressable. */
  onPicture?: (picture: { src: string; alt: string }) => void;
  /** The words on the copy button; English by default. */
  labels?: Labels;
}

const ENGLISH: Labels = { copy: "Copy", copied: "Copied" };

interface Surroundings extends Pick<DocumentProps, "onCommand" | "onPicture"> {
  resolve: (src: string) => string | null;
  labels: Labels;
}

const Around = createContext<Surroundings>({ resolve: safePicture, labels: ENGLISH });

/** The whole document, in a box of class `document`. */
export function DocumentView({ document, onCommand, resolve, onPicture, labels }: DocumentProps) {
  const around = useMemo(
    () => ({ onCommand, onPicture, resolve: resolve ?? safePicture, labels: labels ?? ENGLISH }),
    [onCommand, onPicture, resolve, labels],
  );
  return (
    <Around.Provider value={around}>
      <div class="document">
        <Blocks nodes={document.blocks ?? []} />
      </div>
    </Around.Provider>
  );
}

function Blocks({ nodes }: { nodes: readonly Block[] }) {
  return <>{nodes.map((node, index) => <BlockView key={index} node={node} />)}</>;
}

function BlockView({ node }: { node: Block }) {
  const { labels } = useContext(Around);
  switch (node.t) {
    case "p":
      return <p><Inlines nodes={node.children} /></p>;
    case "h":
      return <Heading level={node.level}><Inlines nodes={node.children} /></Heading>;
    case "list":
      return node.ordered
        ? <ol start={node.start ?? 1}><Items items={node.items} /></ol>
        : <ul><Items items={node.items} /></ul>;
    case "pre":
      return <CodeBlock text={node.text} language={node.language ?? ""} labels={labels} />;
    case "quote":
      return <blockquote><Blocks nodes={node.children} /></blockquote>;
    case "table":
      return <TableView table={node} />;
    case "hr":
      return <hr />;
    case "buttons":
      return <Choices buttons={node.buttons} />;
    default:
      return null;
  }
}

function Heading({ level, children }: { level: number; children: ComponentChildren }) {
  const Tag = HEADINGS[level - 1] ?? "h6";
  return <Tag>{children}</Tag>;
}

const HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"] as const;

function Items({ items }: { items: readonly Item[] }) {
  return <>{items.map((item, index) => <li key={index}><Blocks nodes={item.children} /></li>)}</>;
}

function TableView({ table }: { table: Table }) {
  const align = table.align ?? [];
  const hasHeader = table.header.cells.some((cell) => characters(cell.children) > 0);
  return (
    <div class="document-table">
      <table>
        {hasHeader && <thead><tr>{cells(table.header, align, "th")}</tr></thead>}
        <tbody>{table.rows.map((row, index) => <tr key={index}>{cells(row, align, "td")}</tr>)}</tbody>
      </table>
    </div>
  );
}

function cells(row: Row, align: readonly Align[], Tag: "th" | "td") {
  return row.cells.map((cell, column) => (
    <Tag
      key={column}
      scope={Tag === "th" ? "col" : undefined}
      class={`align-${align[column] || "left"} ${characters(cell.children) > ONE_LINE ? "cell-long" : "cell-short"}`}
    >
      <Inlines nodes={cell.children} />
    </Tag>
  ));
}

/** A cell of no more characters stays on one line: a date, a number, an address. */
const ONE_LINE = 20;

function characters(nodes: readonly Inline[]): number {
  return nodes.reduce((sum, node) => sum + count(node), 0);
}

function count(node: Inline): number {
  if ("text" in node) return node.text.length;
  return "children" in node ? characters(node.children) : 0;
}

function Choices({ buttons }: { buttons: readonly { label: string; command: string }[] }) {
  const { onCommand } = useContext(Around);
  return (
    <div class="document-choices">
      {buttons.map((button, index) => (
        <button key={index} type="button" disabled={!onCommand} onClick={() => onCommand?.(button.command)}>
          {button.label}
        </button>
      ))}
    </div>
  );
}

function Inlines({ nodes }: { nodes: readonly Inline[] }) {
  return <>{nodes.map((node, index) => <InlineView key={index} node={node} />)}</>;
}

function InlineView({ node }: { node: Inline }) {
  switch (node.t) {
    case "text":
      return <>{node.text}</>;
    case "strong":
      return <strong><Inlines nodes={node.children} /></strong>;
    case "em":
      return <em><Inlines nodes={node.children} /></em>;
    case "strike":
      return <s><Inlines nodes={node.children} /></s>;
    case "code":
      return <code>{node.text}</code>;
    case "link":
      return <LinkView href={node.href}><Inlines nodes={node.children} /></LinkView>;
    case "image":
      return <Picture src={node.src} alt={node.alt ?? ""} />;
    case "br":
      return <br />;
    default:
      return null;
  }
}

function LinkView({ href, children }: { href: string; children: ComponentChildren }) {
  const address = safeLink(href);
  if (address === null) return <>{children}</>;
  return <a href={address} target="_blank" rel="noopener noreferrer">{children}</a>;
}

function Picture({ src, alt }: { src: string; alt: string }) {
  const { resolve, onPicture } = useContext(Around);
  const address = resolve(src);
  if (address === null) return <LinkView href={src}>{alt || src}</LinkView>;
  const picture = <img src={address} alt={alt} loading="lazy" decoding="async" />;
  if (!onPicture) return picture;
  return (
    <button type="button" class="document-picture" aria-label={alt} onClick={() => onPicture({ src: address, alt })}>
      {picture}
    </button>
  );
}
