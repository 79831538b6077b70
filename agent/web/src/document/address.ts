/** Which addresses a document may lead to. */

const ABSOLUTE = /^(?:https?:\/\/|mailto:)[^\s\\]+$/i;
const SAME_HOST = /^\/(?![/\\])[^\s\\]*$/;

/** Return `href` when it is http, https, mailto or a path on this host; otherwise null, and no link is drawn. */
export function safeLink(href: string): string | null {
  return ABSOLUTE.test(href) || SAME_HOST.test(href) ? href : null;
}

/** Return `src` when it is a path on this host; a picture from elsewhere would tell that host who is reading. */
export function safePicture(src: string): string | null {
  return SAME_HOST.test(src) ? src : null;
}
