/** Whether the main pointer is a finger: nothing can be dropped, and the keyboard has no Shift+Enter. */
export const isTouch: boolean = matchMedia("(pointer: coarse)").matches;
