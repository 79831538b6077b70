/** Tells the parts of the page that something on the device is no longer as they drew it. */

import type { News } from "./model";

/** A kind of news, or `back`: the device can be reached again and anything may have happened. */
export type Cause = News["type"] | "back";

export class Bell {
  #listeners = new Set<(cause: Cause, news: News | null) => void>();

  /** Hear of everything from now on; call what is returned to hear no more. */
  listen(listener: (cause: Cause, news: News | null) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  ring(cause: Cause, news: News | null = null): void {
    for (const listener of [...this.#listeners]) listener(cause, news);
  }
}
