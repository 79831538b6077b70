/**
 * Decides how the page stays in touch with the device; owns no socket, no timer and no chance.
 *
 * First the newest messages are loaded, then a WebSocket carries what is new. When a socket cannot be had (a proxy that
 * knows none), long polls do its work, and every few polls a socket is tried again. After a failure the line rests,
 * longer each time and with jitter, so that many pages do not return at the same moment.
 *
 * Invariants: at most one thing is under way (a load, a socket, a poll or a timer), and `after` never falls: it is the
 * highest sequence number seen, from which the next socket or poll goes on.
 */

export type Phase = "idle" | "loading" | "opening" | "open" | "polling" | "resting";

export interface Line {
  phase: Phase;
  /** The highest sequence number seen; null until the newest messages have been loaded. */
  after: number | null;
  /** Failures in a row. */
  failures: number;
  /** Polls answered since a socket was last tried. */
  polls: number;
  /** Whether the device answered last time. */
  reachable: boolean;
}

export type Event =
  | { type: "started" }
  | { type: "loaded"; newest: number }
  | { type: "opened" }
  | { type: "received"; seq: number }
  | { type: "polled"; newest: number }
  | { type: "failed" }
  | { type: "woke" }
  /** The page came back to the front or the network changed: what is under way may be dead without knowing. */
  | { type: "resumed" }
  | { type: "stopped" };

export type Action =
  | { do: "load" }
  | { do: "open"; after: number }
  | { do: "poll"; after: number }
  | { do: "wake"; after_ms: number }
  /** Give up what is under way; nothing more is heard of it. */
  | { do: "drop" };

export const IDLE: Line = { phase: "idle", after: null, failures: 0, polls: 0, reachable: false };

const FIRST_REST_MS = 500;
const LONGEST_REST_MS = 15_000;
/** So many sockets must fail to open before polls take over. */
const SOCKETS_BEFORE_POLLS = 2;
const POLLS_BEFORE_SOCKET = 3;

type Step = readonly [Line, readonly Action[]];
type Rules = { [E in Event as E["type"]]?: (line: Line, event: E, chance: number) => Step };

const NEXT: Readonly<Record<Phase, Rules>> = {
  idle: {
    started: begin,
    resumed: (line) => [line, []],
    stopped: (line) => [line, []],
  },
  loading: {
    loaded: (line, { newest }) => open(seen({ ...line, reachable: true, failures: 0 }, newest)),
    failed: rest,
    resumed: (line) => [line, []],
    stopped: stop,
  },
  opening: {
    opened: (line) => [{ ...line, phase: "open", failures: 0, reachable: true }, []],
    failed: (line, _event, chance) =>
      (line.failures + 1) % SOCKETS_BEFORE_POLLS === 0
        ? poll({ ...line, failures: line.failures + 1, polls: 0 })
        : rest(line, _event, chance),
    resumed: (line) => [line, []],
    stopped: stop,
  },
  open: {
    received: (line, { seq }) => [seen(line, seq), []],
    failed: (line, event, chance) => rest({ ...line, reachable: false }, event, chance),
    resumed: dropAndBegin,
    stopped: stop,
  },
  polling: {
    polled: (line, { newest }) => {
      const heard = seen({ ...line, reachable: true, polls: line.polls + 1 }, newest);
      return heard.polls < POLLS_BEFORE_SOCKET ? poll(heard) : open({ ...heard, failures: SOCKETS_BEFORE_POLLS - 1 });
    },
    failed: (line, event, chance) => rest({ ...line, reachable: false }, event, chance),
    resumed: dropAndBegin,
    stopped: stop,
  },
  resting: {
    woke: begin,
    resumed: dropAndBegin,
    stopped: stop,
  },
};

/** Return the line after `event` and what to do now; `chance` is even between 0 and 1. */
export function step<E extends Event>(line: Line, event: E, chance: number): Step {
  const rule = NEXT[line.phase][event.type] as ((line: Line, event: E, chance: number) => Step) | undefined;
  if (!rule) throw new Error(`the line was ${event.type} while ${line.phase}`);
  return rule(line, event, chance);
}

function begin(line: Line): Step {
  return line.after === null ? [{ ...line, phase: "loading" }, [{ do: "load" }]] : open(line);
}

function dropAndBegin(line: Line): Step {
  const [next, actions] = begin(line);
  return [next, [{ do: "drop" }, ...actions]];
}

function open(line: Line): Step {
  return [{ ...line, phase: "opening" }, [{ do: "open", after: line.after ?? 0 }]];
}

function poll(line: Line): Step {
  return [{ ...line, phase: "polling" }, [{ do: "poll", after: line.after ?? 0 }]];
}

function rest(line: Line, _event: Event, chance: number): Step {
  const longest = Math.min(FIRST_REST_MS * 2 ** line.failures, LONGEST_REST_MS);
  const after_ms = Math.round(longest * (0.5 + chance / 2));
  return [{ ...line, phase: "resting", failures: line.failures + 1 }, [{ do: "wake", after_ms }]];
}

function stop(line: Line): Step {
  return [{ ...line, phase: "idle", reachable: false }, [{ do: "drop" }]];
}

function seen(line: Line, seq: number): Line {
  return { ...line, after: Math.max(line.after ?? 0, seq) };
}
