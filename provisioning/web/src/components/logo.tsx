/** The mark of Outpost: a shelter with a signal above it. */
export function Logo({ size }: { size: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M6.5 24.5 16 14l9.5 10.5" />
      <path d="M16 24.5v-3.2" />
      <path class="logo-wave" d="M12.6 10.4a4.8 4.8 0 0 1 6.8 0" />
      <path class="logo-wave far" d="M9.8 7.4a8.8 8.8 0 0 1 12.4 0" />
    </svg>
  );
}
