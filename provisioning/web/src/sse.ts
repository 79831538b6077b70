/** Server-sent events, read from text as it arrives (WHATWG HTML, 9.2.6). Owns no connection. */

export interface SentEvent {
  name: string;
  data: string;
}

/** Takes pieces of the stream in order and gives the events that each piece completes. */
export class EventReader {
  private rest = "";
  private name = "";
  private data: string[] = [];

  read(piece: string): SentEvent[] {
    const lines = (this.rest + piece).split("\n");
    this.rest = lines.pop() ?? "";
    const events: SentEvent[] = [];
    for (const line of lines) {
      const event = this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): SentEvent | null {
    if (line === "") return this.complete();
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "event") this.name = value;
    if (field === "data") this.data.push(value);
    return null;
  }

  private complete(): SentEvent | null {
    const event = this.data.length ? { name: this.name || "message", data: this.data.join("\n") } : null;
    this.name = "";
    this.data = [];
    return event;
  }
}
